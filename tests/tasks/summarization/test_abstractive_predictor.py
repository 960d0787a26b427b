"""Abstractive summarisation from documents to summaries: trained, reported, saved, used."""

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, pipeline

import nlp_transfer
from nlp_transfer import CorpusConfig, run
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.export import export_model
from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.commands.push_run import prepare
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, DataError, PublishError
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.summarization.abstractive_predictor import AbstractivePredictor
from tests.logged import logged
from tests.tiny_documents import documents, summary_tree, write_documents
from tests.tiny_runs import tiny_encoder, train_on_two_processes


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_documents(tmp_path_factory.mktemp("documents"))


def tree(encoder, corpus, output, task=None, **training):
    made = summary_tree(encoder, corpus, output, metric_for_best_model="rouge1", **training)
    shorter = {"max_length": 40, "max_summary_length": 20, "num_beams": 2}
    made["task"] = {"name": "abstractive_summarization", **shorter, **(task or {})}
    return made


@pytest.fixture(scope="module")
def finished(encoder, corpus, tmp_path_factory):
    """A finished run: its report, its folder, and what it said."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with logged() as said:
        return run(load_config(tree=tree(encoder, corpus, folder))), folder, "\n".join(said)


def read(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def log(folder: Path, key: str) -> list[float]:
    return [entry[key] for entry in read(folder / "log.jsonl") if key in entry]


def test_it_learns_to_write(finished):
    report, folder, said = finished
    losses = log(folder, "eval_loss")
    assert len(losses) == 3
    assert losses[-1] < 0.8 * losses[0]
    test = report.metrics["source"]["test"]
    assert test["rows"] == 12
    assert test["rouge1"] > 0.2
    assert test["rouge1_low"] <= test["rouge1"] <= test["rouge1_high"]
    assert test["words"] > 3
    assert "A decoder was started from the encoder" in (folder / "report.md").read_text()
    assert "sentences of a training summary, on average: 2.0" in said


def test_the_baselines_take_as_many_sentences_as_a_summary_has(finished):
    report, _, _ = finished
    assert list(report.baselines) == ["lead", "random", "textrank", "lexrank", "oracle"]
    scores = {name: one["source"]["test"] for name, one in report.baselines.items()}
    assert scores["oracle"]["rouge1"] > 0.95
    assert scores["lead"]["words"] == 14  # two sentences of seven words
    assert all("rouge1_gain_low" in one for one in scores.values())


def test_the_report_counts_what_no_document_says(finished):
    _, folder, _ = finished
    text = (folder / "report.md").read_text()
    assert "On 12 documents of source test the model's ROUGE-1 is " in text
    assert "| system | ROUGE 1 | ROUGE 1, 95 % | ROUGE 2 | ROUGE L | ROUGE Lsum |" in text
    assert re.search(r"\| system \| length words \| length of text \| repeated \| new pairs \| unsupported \|", text)
    assert re.search(r"Summaries that are a training summary word for word.*\d+ of 12; of the references 0", text, re.S)
    assert f"python scripts/predict.py {folder}/model documents.jsonl --text_column document" in text


def test_predictions_are_linked_to_their_documents(finished):
    _, folder, _ = finished
    lines = read(folder / "predictions.jsonl.gz")
    assert [line["split"] for line in lines] == ["validation"] * 10 + ["test"] * 12
    texts = {row["id"]: "\n".join(row["document"]) for seed, n in ((1, 10), (2, 12)) for row in documents(n, seed=seed)}
    supported = 0
    for line in lines:
        for sentence in line["sentences"]:
            assert line["summary"][sentence["start"] : sentence["end"]] == sentence["text"]
            assert 0 <= sentence["support"] <= 1
            for source in sentence["sources"]:
                words = set(texts[line["id"]][source["start"] : source["end"]].rstrip(".").split())
                supported += bool(words & set(sentence["text"].rstrip(".").split()))
    assert supported > 10
    assert all(line["flags"] == [] for line in lines)


def test_a_saved_model_writes_what_the_run_wrote(finished, tmp_path):
    _, folder, _ = finished
    rows = [{"id": row["id"], "document": "\n".join(row["document"])} for row in documents(12, seed=2)]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert predict_file(str(folder), str(tmp_path / "test.jsonl"), output=str(tmp_path / "out.jsonl")) == 12
    expected = {line["id"]: line for line in read(folder / "predictions.jsonl.gz") if line["split"] == "test"}
    for line in read(tmp_path / "out.jsonl"):
        assert list(line) == ["id", "summary", "sentences", "flags"]
        assert line["summary"] == expected[line["id"]]["summary"]
        assert line["sentences"] == expected[line["id"]]["sentences"]


def test_plain_transformers_write_the_same(finished):
    _, folder, _ = finished
    assert "max_length" not in json.loads((folder / "model" / "generation_config.json").read_text())
    model = AutoModelForSeq2SeqLM.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    document = "use copy modify freely of the work."
    inputs = tokenizer(document, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        tokens = model.generate(**inputs)
    (ours,) = saved_models.load(folder).predict([(0, document)])
    assert ours.summary == tokenizer.decode(tokens[0], skip_special_tokens=True)
    assert ours.summary


def test_bertscore_stands_beside_rouge(finished, encoder, corpus, tmp_path):
    _, folder, _ = finished
    found = evaluate_model(str(folder), CorpusConfig(path=str(corpus)), options={"bertscore_model": str(encoder)})
    assert 0 < found.metrics["bertscore_low"] <= found.metrics["bertscore"] <= found.metrics["bertscore_high"] < 1
    assert found.baselines["oracle"]["bertscore"] > found.baselines["random"]["bertscore"]
    assert "BERTScore" in found.markdown()
    with pytest.raises(ConfigError, match=r"--bertscore_model: .*nowhere"):
        evaluate_model(
            str(folder), CorpusConfig(path=str(corpus)), options={"bertscore_model": str(tmp_path / "nowhere")}
        )
    with pytest.raises(ConfigError, match=r"task\.bertscore_model: .*nowhere"):
        run(load_config(tree=tree(encoder, corpus, tmp_path / "run", {"bertscore_model": str(tmp_path / "nowhere")})))


def test_a_saved_model_is_scored_on_another_corpus(finished, corpus, tmp_path):
    report, folder, _ = finished
    found = evaluate_model(str(folder), CorpusConfig(path=str(corpus)), output_dir=str(tmp_path / "out"))
    assert found.metrics == pytest.approx(report.metrics["source"]["test"])
    assert found.baselines["lead"] == pytest.approx(report.baselines["lead"]["source"]["test"])
    of_run = [line for line in read(folder / "predictions.jsonl.gz") if line["split"] == "test"]
    for line, other in zip(read(tmp_path / "out" / "predictions.jsonl.gz"), of_run, strict=True):
        assert line["summary"] == other["summary"]


def test_the_pipeline_says_the_same(finished):
    _, folder, _ = finished
    nlp_transfer.register_pipelines()
    made = pipeline("summarization", model=str(folder / "model"))
    texts = ["\n".join(row["document"]) for row in documents(3, seed=9)]
    expected = list(saved_models.load(folder).predict(enumerate(texts)))
    found = made(texts)
    assert [one["summary_text"] for one in found] == [one.summary for one in expected]
    assert set(found[0]) == {"summary_text", "sentences", "flags"}
    assert made("")["summary_text"] == ""


def test_the_pipeline_writes_by_other_settings(finished):
    _, folder, _ = finished
    nlp_transfer.register_pipelines()
    text = "\n".join(documents(1, seed=9)[0]["document"])
    made = pipeline("summarization", model=str(folder / "model"), max_new_tokens=2, num_beams=1)
    usual, short = saved_models.load(folder), made(text)["summary_text"]
    assert isinstance(usual, AbstractivePredictor)
    (expected,) = usual.with_options(max_new_tokens=2, num_beams=1).predict([(0, text)])
    (longer,) = usual.predict([(0, text)])
    assert short == expected.summary
    assert 0 < len(short.split()) <= 2 < len(longer.summary.split())
    assert made(text, max_new_tokens=1)["summary_text"] != short
    assert made(text)["summary_text"] == short
    assert usual.model.generation_config.num_beams != 1  # as it was
    for settings, message in (
        ({"num_beems": 2}, "Unknown generation setting 'num_beems'. Did you mean 'num_beams'?"),
        ({"num_return_sequences": 2}, "Unknown generation setting 'num_return_sequences'."),
        ({"max_new_tokens": 0}, "max_new_tokens=0: it cannot write so: .*greater than 0"),
        ({"num_beams": "two"}, "num_beams=two: it cannot write so: "),
        ({"num_beams": 0}, "num_beams=0: it cannot write so: "),
        (
            {"penalty_alpha": 0.6, "top_k": 4, "num_beams": 1},
            "with these it writes by contrastive search; expected beam",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            made(text, **settings)


def test_a_file_is_summarised_by_other_settings(finished, tmp_path):
    _, folder, _ = finished
    text = "\n".join(documents(1, seed=9)[0]["document"])
    (tmp_path / "a.txt").write_text(text)
    predict_file(str(folder), str(tmp_path / "a.txt"), output=str(tmp_path / "out"), options={"max_new_tokens": 2})
    usual = saved_models.load(folder)
    assert isinstance(usual, AbstractivePredictor)
    (expected,) = usual.with_options(max_new_tokens=2).predict([("a.txt", text)])
    assert json.loads((tmp_path / "out").read_text())["summary"] == expected.summary
    assert 0 < len(expected.summary.split()) <= 2
    with pytest.raises(ConfigError, match=r"Unknown generation setting 'num_beems'\. Did you mean 'num_beams'\?"):
        predict_file(str(folder), str(tmp_path / "a.txt"), options={"num_beems": 2})


def test_an_evaluation_by_other_settings_says_so(finished, corpus, tmp_path):
    _, folder, _ = finished
    short = evaluate_model(
        str(folder), CorpusConfig(path=str(corpus)), output_dir=str(tmp_path / "scores"), options={"max_new_tokens": 2}
    )
    usual = evaluate_model(str(folder), CorpusConfig(path=str(corpus)))
    assert short.metrics["rouge1"] < usual.metrics["rouge1"]
    assert "Otherwise than in the model's run: max_new_tokens 2." in (tmp_path / "scores" / "report.md").read_text()
    assert "Otherwise than in the model's run" not in usual.markdown()


def test_documents_of_every_kind(finished):
    _, folder, _ = finished
    summarizer = saved_models.load(folder)
    assert isinstance(summarizer, AbstractivePredictor)
    long = " ".join(sentence for row in documents(10, seed=5) for sentence in row["document"])
    rows = [
        (0, ""),
        (1, "  \n "),
        (2, "use."),
        (3, long),
        (4, "use " * 100),
        (5, "Πρόταση ένα. 文。"),
        (6, ["use", "copy"]),
    ]
    found = list(summarizer.predict(rows))
    assert [one.id for one in found] == list(range(7))
    assert (found[0].summary, found[0].sentences, found[0].flags) == ("", [], [])
    assert found[1].summary == ""
    said = [sentence.text for sentence in found[3].sentences]
    assert said
    assert len(said) == len(set(said))  # its windows' summaries, without what was said before
    assert found[6].summary == summarizer.predict([(0, "use\ncopy")])[0].summary
    small = list(summarizer.predict(rows[:3] + rows[5:], max_tokens=20))
    assert [one.summary for one in small] == [one.summary for one in found[:3] + found[5:]]


def test_an_extractor_picks_what_is_read_and_is_saved_with_the_model(encoder, corpus, tmp_path):
    run(load_config(tree=summary_tree(encoder, corpus, tmp_path / "extractor", num_train_epochs=1)))
    task = {"long_documents": "extract", "extractor": str(tmp_path / "extractor")}
    made = tree(encoder, corpus, tmp_path / "run", task, num_train_epochs=1)
    report = run(load_config(tree=made))
    assert report.metrics["source"]["test"]["rows"] == 12
    shutil.rmtree(tmp_path / "extractor")
    loaded = saved_models.load(tmp_path / "run")
    text = "\n".join(documents(1, seed=2)[0]["document"])
    line = read(tmp_path / "run" / "predictions.jsonl.gz")[10]
    assert loaded.predict([(0, text)])[0].summary == line["summary"]
    shutil.rmtree(tmp_path / "run" / "model" / "extractor")
    (tmp_path / "run" / "model" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"its folder lacks extractor/, which holds it"):
        saved_models.load(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"task\.extractor: .*extractor"):
        run(load_config(tree={**made, "training": {**made["training"], "output_dir": str(tmp_path / "next")}}))


METHODS = {
    "frozen encoder": [{"name": "partial_fine_tuning", "layers": 0}],
    "partial": [{"name": "partial_fine_tuning", "layers": 1, "head_learning_rate": 0.01}],
    "decayed": [{"name": "full_fine_tuning", "layer_decay": 0.5}],
    "lora": [{"name": "lora", "r": 4}],
    "lora above": [{"name": "lora", "r": 4, "layers": 1}],
}


@pytest.mark.parametrize("name", METHODS)
def test_what_trains_and_what_stays(name, encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    made["methods"] = METHODS[name]
    run(load_config(tree=made))
    trained = saved_models.load(tmp_path / "run").model
    config = load_config(tree=made)
    started = nlp_transfer_model(config, encoder)
    before = dict(started.named_parameters())
    moved = {key for key, value in trained.named_parameters() if not torch.equal(value, before[key])}
    in_encoder = {key for key in moved if key.startswith("encoder.")}
    assert any("crossattention" in key for key in moved)
    assert "decoder.cls.predictions.transform.dense.weight" in moved
    assert not any("pooler" in key for key in moved)
    if name == "frozen encoder":
        assert not in_encoder
    elif name == "partial":
        assert in_encoder
        assert all(key.startswith("encoder.encoder.layer.2.") for key in in_encoder)
    elif name == "decayed":
        assert "encoder.embeddings.word_embeddings.weight" in in_encoder
    else:
        assert all(key.endswith(".weight") for key in in_encoder)
        assert ("encoder.encoder.layer.0.attention.self.query.weight" in in_encoder) == (name == "lora")
        assert "decoder.bert.encoder.layer.2.attention.self.query.weight" in moved
        assert "decoder.bert.embeddings.word_embeddings.weight" not in moved
        assert (tmp_path / "run" / "adapter" / "adapter_config.json").is_file()


def nlp_transfer_model(config, encoder):
    """The network of a run before it is trained."""
    from nlp_transfer.training.setup import load_data, load_model

    _, task, _, _ = load_data(config)
    return load_model(config, task).model


def test_shared_weights_are_trained_resumed_and_saved(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", {"share_weights": True}, num_train_epochs=2)
    report = run(load_config(tree=made))
    whole = saved_models.load(tmp_path / "run").model
    query = whole.encoder.encoder.layer[0].attention.self.query.weight
    assert torch.equal(query, whole.decoder.bert.encoder.layer[0].attention.self.query.weight)
    assert report.metrics["source"]["test"]["rouge1"] > 0.1
    checkpoint = next((tmp_path / "run" / "checkpoints").iterdir())
    plain = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    weight = plain.decoder.bert.encoder.layer[0].attention.self.query.weight
    assert torch.equal(plain.encoder.encoder.layer[0].attention.self.query.weight, weight)


def test_without_rouge_to_choose_by_evaluations_do_not_write(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    made["training"]["metric_for_best_model"] = "loss"
    report = run(load_config(tree=made))
    assert log(tmp_path / "run", "eval_loss")
    assert not log(tmp_path / "run", "eval_rouge1")
    assert report.metrics["source"]["test"]["rouge1"] > 0


def test_a_target_without_summaries_is_written_of(encoder, corpus, tmp_path):
    rows = [{"id": f"t{i}", "document": "\n".join(row["document"])} for i, row in enumerate(documents(4, seed=8))]
    (tmp_path / "target.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    made["target"] = {"path": str(tmp_path / "target.jsonl")}
    report = run(load_config(tree=made))
    assert report.metrics["target"] == {}
    lines = [line for line in read(tmp_path / "run" / "predictions.jsonl.gz") if line["domain"] == "target"]
    assert [line["id"] for line in lines] == ["t0", "t1", "t2", "t3"]
    assert all(line["reference"] is None for line in lines)


def test_no_summary_of_the_target_decides_what_is_learned(encoder, corpus, tmp_path):
    """Right ones, others and none give the same weights, to the bit, where documents have several windows."""
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    made["methods"], made["source_only_baseline"] = ["full_fine_tuning", {"name": "dann", "weight": 1.0}], False
    weights = []
    for kind in ("right", "others", "none"):
        folder = write_documents(tmp_path / kind, sizes=(12, 4, 4))
        for file in folder.iterdir():
            rows = [json.loads(line) | {"id": f"t-{file.stem}-{i}"} for i, line in enumerate(file.open())]
            for row, other in zip(rows, [*rows[1:], rows[0]], strict=True) if kind == "others" else ():
                row["summary"] = " ".join(other["document"][:1])
            if kind == "none":
                rows = [{key: value for key, value in row.items() if key != "summary"} for row in rows]
            file.write_text("\n".join(map(json.dumps, rows)))
        made["target"] = {"path": str(folder)}
        made["training"]["output_dir"] = str(tmp_path / f"run-{kind}")
        run(load_config(tree=made))
        weights.append((tmp_path / f"run-{kind}" / "model" / "model.safetensors").read_bytes())
        config = json.loads((tmp_path / f"run-{kind}" / "model" / "generation_config.json").read_text())
        assert "max_length" not in config
    assert weights[0] == weights[1] == weights[2]


def test_adapters_of_shared_weights_are_refused(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", {"share_weights": True})
    with pytest.raises(ConfigError, match=r"task\.share_weights is on, and an adapter would change what"):
        run(load_config(tree={**made, "methods": [{"name": "lora", "r": 2}]}))


def test_the_encoder_is_adapted_to_a_target_beside_a_run_that_is_not(encoder, corpus, tmp_path):
    rows = [
        {"id": f"t{i}", **one, "document": "\n".join(one["document"])} for i, one in enumerate(documents(9, seed=8))
    ]
    (tmp_path / "target.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1, logging_steps=1)
    made["target"] = {"path": str(tmp_path / "target.jsonl")}
    made["methods"] = ["full_fine_tuning", {"name": "dann", "weight": 1.0}, "mmd", "coral"]
    with logged() as said:
        report = run(load_config(tree=made))
    assert {"dann_loss", "mmd_loss", "coral_loss", "source_loss"} <= set(read(tmp_path / "run" / "log.jsonl")[0])
    assert re.search(r"Without dann and mmd and coral: .*target \w+ ROUGE-1 0\.\d+", "\n".join(said))
    beside = report.baselines["source_only"]["target"]
    assert beside.keys() == report.metrics["target"].keys()
    with pytest.raises(ConfigError, match=r"cdan does not go with abstractive_summarization\. Methods for it: .*dann"):
        load_config(tree={**made, "methods": ["full_fine_tuning", "cdan"]})


@pytest.mark.slow
def test_two_processes_write_each_summary_once(finished, encoder, corpus, tmp_path):
    report, _, _ = finished
    made = tree(encoder, corpus, tmp_path / "two", per_device_train_batch_size=4)
    train_on_two_processes(made, tmp_path)
    lines = read(tmp_path / "two" / "predictions.jsonl.gz")
    assert len(lines) == 22
    losses = log(tmp_path / "two", "eval_loss")
    expected = log(Path(report.paths["model"]).parent, "eval_loss")
    assert losses == pytest.approx(expected, rel=0.1)  # the batches are the same, dropout is not


def test_a_dry_run_and_an_estimate(encoder, corpus, tmp_path):
    config = load_config(tree=tree(encoder, corpus, tmp_path / "run"))
    said = dry_run(config)
    assert re.search(r"tokens  write: \w+", said)
    assert "It has all that full_fine_tuning needs." in said
    found = estimate(config)
    assert (found.rows, found.windows >= 40) == (40, True)
    assert found.seconds["Training"] > 0
    assert found.seconds["Final scoring"] > 0


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"num_beams": 0}, r"task\.num_beams is 0; expected 1 or more"),
        ({"min_summary_length": 30}, r"task\.min_summary_length is 30, above max_summary_length \(20\)"),
        ({"long_documents": "extract"}, r"task\.extractor is missing: long_documents: extract needs the folder"),
        ({"extractor": "x"}, r"task\.extractor is set, and long_documents is windows; expected extract"),
        ({"long_documents": "window"}, r"task\.long_documents: .*Did you mean 'windows'"),
        ({"length_penalty": float("inf")}, r"task\.length_penalty is inf; expected a number"),
    ],
)
def test_settings_that_cannot_be(task, message, encoder, corpus, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load_config(tree=tree(encoder, corpus, tmp_path, task))


def test_what_a_run_refuses(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run")
    with pytest.raises(
        ConfigError, match=r"frozen_encoder does not go with abstractive_summarization\. Methods for it"
    ):
        load_config(tree={**made, "methods": [{"name": "frozen_encoder"}]})
    with pytest.raises(ConfigError, match=r"task\.max_summary_length is 99, but the decoder of .* has 80 positions"):
        run(load_config(tree=tree(encoder, corpus, tmp_path / "run", {"max_summary_length": 99})))
    with pytest.raises(ConfigError, match=r"special tokens and task\.prefix fill it"):
        run(load_config(tree=tree(encoder, corpus, tmp_path / "run", {"prefix": "use " * 40})))
    bare = tmp_path / "bare"
    write_documents(bare)
    for file in bare.iterdir():
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("\n".join(json.dumps({"id": row["id"], "document": row["document"]}) for row in rows))
    with pytest.raises(DataError, match=r"train and validation documents have no column 'summary', from which writing"):
        run(load_config(tree=tree(encoder, bare, tmp_path / "run")))


def test_what_goes_to_the_hub_names_no_place(finished):
    _, folder, _ = finished
    prepared = prepare(read_run(folder), "owner/writer", PushSettings())
    sent = {part.name: part for part in prepared.parts}
    assert {"config.json", "generation_config.json", "model.safetensors", "README.md"} <= set(sent)
    config = json.loads(sent["config.json"].read())
    assert config["encoder"]["model_type"] == config["decoder"]["model_type"] == "bert"
    assert not any(str(folder.parent) in part.read().decode() for part in sent.values() if part.name.endswith(".json"))
    assert b"_name_or_path" not in sent["config.json"].read()
    card = sent["README.md"].read().decode()
    assert "pipeline_tag: summarization" in card
    assert 'transformers.pipeline("summarization", model="owner/writer")' in card


def test_an_adapter_of_a_network_that_was_put_together_does_not_go_alone(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    run(load_config(tree={**made, "methods": [{"name": "lora", "r": 2}]}))
    with pytest.raises(PublishError, match=r"the adapter of a summariser fits the network that its run put"):
        prepare(read_run(tmp_path / "run"), "owner/writer", PushSettings(what="adapter"))


def test_what_a_saved_model_refuses(finished, tmp_path):
    _, folder, _ = finished
    (tmp_path / "a.txt").write_text("use.")
    with pytest.raises(ConfigError, match=r"Unknown generation setting 'length'"):
        predict_file(str(folder), str(tmp_path / "a.txt"), output=str(tmp_path / "out"), options={"length": 3})
    with pytest.raises(ConfigError, match=r"Unknown generation setting 'probabilities'"):
        predict_file(str(folder), str(tmp_path / "a.txt"), options={"probabilities": 3})
    with pytest.raises(
        ConfigError, match=r"is a model of abstractive_summarization, which gives no logits of a whole text"
    ):
        export_model(str(folder), str(tmp_path / "onnx"))
    with pytest.raises(CheckpointError, match=r"is a model of abstractive_summarization, which gives no logits"):
        _ = read_run(folder).predictor
