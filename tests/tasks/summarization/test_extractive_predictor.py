"""Extractive summarisation from documents to summaries: trained, reported, saved, used."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_transfer import CorpusConfig, run
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor
from nlp_transfer.tasks.summarization.summaries import ExtractedSummary
from tests.logged import logged
from tests.tiny_documents import RIGHT, documents, summary_tree, write_documents
from tests.tiny_runs import tiny_encoder, train_on_two_processes


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_documents(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def finished(encoder, corpus, tmp_path_factory):
    """A finished run: its report, its folder, and what it said."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with logged() as said:
        return run(load_config(tree=summary_tree(encoder, corpus, folder))), folder, "\n".join(said)


def read(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def test_it_learns_which_sentences_are_right(finished):
    report, _, said = finished
    test = report.metrics["source"]["test"]
    assert test["rows"] == 12
    assert test["f1"] > 0.9
    assert test["rouge1"] > 0.9
    assert test["rouge1_low"] <= test["rouge1"] <= test["rouge1_high"]
    assert "sentences are labelled by: greedy ROUGE against the summary" in said


def test_the_baselines_have_the_same_budget_and_the_oracle_knows(finished):
    report, folder, _ = finished
    assert list(report.baselines) == ["lead", "random", "textrank", "lexrank", "oracle"]
    scores = {name: one["source"]["test"] for name, one in report.baselines.items()}
    assert scores["oracle"]["rouge1"] > 0.95
    assert max(scores[name]["f1"] for name in ("lead", "random")) < 0.8
    assert all("rouge1_low" in one for one in scores.values())
    assert json.loads((folder / "baselines.json").read_text())["lead"]["source"]["test"] == scores["lead"]


def test_the_report_says_it_in_words(finished):
    _, folder, _ = finished
    text = (folder / "report.md").read_text()
    assert "On 12 documents of source test the model's ROUGE-1 is " in text
    assert re.search(r"the best baseline, \w+ \(0\.\d+\): \+\d+\.\d points, 95 % interval of the difference \+\d", text)
    assert "12 documents are too few to tell it apart from the best baseline, " in text
    assert "; the oracle has " in text
    assert "### source, test (12 documents)" in text
    assert "| system | ROUGE 1 | ROUGE 1, 95 % | ROUGE 2 | ROUGE L | ROUGE Lsum |" in text
    assert f"python scripts/predict.py {folder}/model documents.jsonl --text_column document" in text


def test_predictions_point_into_the_documents(finished, corpus):
    _, folder, _ = finished
    lines = read(folder / "predictions.jsonl.gz")
    assert [line["split"] for line in lines] == ["validation"] * 10 + ["test"] * 12
    texts = {row["id"]: "\n".join(row["document"]) for seed, n in ((1, 10), (2, 12)) for row in documents(n, seed=seed)}
    for line in lines:
        starts = [sentence["start"] for sentence in line["sentences"]]
        assert starts == sorted(starts)
        taken = [texts[line["id"]][one["start"] : one["end"]] for one in line["sentences"]]
        assert line["summary"] == " ".join(taken)
        assert len(taken) <= 2


def test_a_saved_model_says_what_the_run_said(finished, tmp_path):
    _, folder, _ = finished
    rows = [{"id": row["id"], "document": "\n".join(row["document"])} for row in documents(12, seed=2)]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert predict_file(str(folder), str(tmp_path / "test.jsonl"), output=str(tmp_path / "out.jsonl")) == 12
    expected = {line["id"]: line for line in read(folder / "predictions.jsonl.gz") if line["split"] == "test"}
    for line in read(tmp_path / "out.jsonl"):
        assert line["summary"] == expected[line["id"]]["summary"]
        for one, other in zip(line["sentences"], expected[line["id"]]["sentences"], strict=True):
            assert (one["start"], one["end"]) == (other["start"], other["end"])
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
            assert one["text"] == rows[int(line["id"].split("-")[1])]["document"][one["start"] : one["end"]]


def test_a_saved_model_is_scored_on_another_corpus(finished, corpus, tmp_path):
    report, folder, _ = finished
    config = CorpusConfig(path=str(corpus))
    found = evaluate_model(str(folder), config, output_dir=str(tmp_path / "out"))
    expected = report.metrics["source"]["test"]
    assert found.metrics == {key: pytest.approx(value) for key, value in expected.items() if key != "loss"}
    text = (tmp_path / "out" / "report.md").read_text()
    assert "## Results on test (12 documents)" in text
    assert "| system | ROUGE 1 |" in text
    assert "| oracle | " in text
    assert found.baselines["lead"] == pytest.approx(report.baselines["lead"]["source"]["test"])
    assert list(json.loads((tmp_path / "out" / "baselines.json").read_text())) == list(report.baselines)
    of_run = [line for line in read(folder / "predictions.jsonl.gz") if line["split"] == "test"]
    for line, other in zip(read(tmp_path / "out" / "predictions.jsonl.gz"), of_run, strict=True):
        assert (line["id"], line["summary"]) == (other["id"], other["summary"])
    (tmp_path / "plain.jsonl").write_text('{"document": "A text."}\n')
    with pytest.raises(DataError, match="has no summaries or highlights to score by"):
        evaluate_model(str(folder), CorpusConfig(path=str(tmp_path / "plain.jsonl")))


def test_documents_may_be_lists_of_sentences_to_be_predicted_too(finished, tmp_path):
    _, folder, _ = finished
    rows = [{"id": row["id"], "document": row["document"]} for row in documents(12, seed=2)]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert predict_file(str(folder), str(tmp_path / "test.jsonl"), output=str(tmp_path / "out.jsonl")) == 12
    expected = {line["id"]: line for line in read(folder / "predictions.jsonl.gz") if line["split"] == "test"}
    for line, row in zip(read(tmp_path / "out.jsonl"), rows, strict=True):
        assert line["summary"] == expected[line["id"]]["summary"]
        assert all(sentence["text"] in row["document"] for sentence in line["sentences"])
    (tmp_path / "bad.jsonl").write_text('{"document": ["a", 3]}\n')
    with pytest.raises(
        DataError, match=r"line 1 \(id 0\): sentence 1 \(from 0\) of the document is empty or no string"
    ):
        predict_file(str(folder), str(tmp_path / "bad.jsonl"))


def test_a_corpus_of_the_other_kind_is_refused(finished, tiny_classifier, corpus, tmp_path):
    _, folder, _ = finished
    (tmp_path / "a.jsonl").write_text('{"text": "w1", "label": "a"}\n')
    with pytest.raises(DataError, match=r"^\S+a\.jsonl: there is no column 'document'; columns found: text, label\."):
        evaluate_model(str(folder), CorpusConfig(path=str(tmp_path / "a.jsonl")))
    with pytest.raises(DataError, match="there is no column 'text'; columns found: id, document"):
        evaluate_model(str(tiny_classifier), CorpusConfig(path=str(corpus)))


def test_a_file_a_folder_and_many_lines(finished, tmp_path):
    _, folder, _ = finished
    whole = f"the of and.\n\n{' '.join(RIGHT)}.\n\nsource share same."
    (tmp_path / "texts" / "inner").mkdir(parents=True)
    (tmp_path / "one.txt").write_text(whole)
    (tmp_path / "texts" / "b.txt").write_text(whole)
    (tmp_path / "texts" / "inner" / "a.txt").write_text("use copy.")

    def summarized(name: str, **options: Any) -> list[dict[str, Any]]:
        (tmp_path / "out.jsonl").unlink(missing_ok=True)
        predict_file(str(folder), str(tmp_path / name), output=str(tmp_path / "out.jsonl"), **options)
        return read(tmp_path / "out.jsonl")

    (alone,) = summarized("one.txt")
    assert alone["id"] == 0
    assert " ".join(RIGHT) in alone["summary"]
    assert [line["id"] for line in summarized("texts")] == ["b.txt", "inner/a.txt"]
    assert summarized("texts")[0]["summary"] == alone["summary"]
    (tmp_path / "lines.txt").write_text("use copy.\nthe of and.\n")
    assert [line["summary"] for line in summarized("lines.txt", file_format="text")] == ["use copy.", "the of and."]


def test_a_summary_may_have_another_size_than_in_training(finished, corpus, tmp_path):
    _, folder, _ = finished
    (tmp_path / "a.txt").write_text("\n".join(documents(1, seed=2)[0]["document"]))
    for name, options in (("one", {"length": 1}), ("words", {"length_unit": "words", "length": 15})):
        output = str(tmp_path / f"{name}.jsonl")
        predict_file(str(folder), str(tmp_path / "a.txt"), output=output, options=options)
    assert len(read(tmp_path / "one.jsonl")[0]["sentences"]) == 1
    assert 0 < len(read(tmp_path / "words.jsonl")[0]["summary"].split()) <= 15
    whole = evaluate_model(str(folder), CorpusConfig(path=str(corpus)), options={"length_unit": "share", "length": 1.0})
    assert whole.metrics["recall"] > 0.9
    assert whole.metrics["compression"] > 0.9
    with pytest.raises(ConfigError, match="--length is 0; expected a whole number of sentences, 1 or more"):
        predict_file(str(folder), str(tmp_path / "a.txt"), options={"length": 0})
    with pytest.raises(
        ConfigError,
        match=r"Unknown option '--generation num_beams'. Options: --length_unit, --length, --bertscore_model. They",
    ):
        predict_file(str(folder), str(tmp_path / "a.txt"), options={"num_beams": 1})
    with pytest.raises(ConfigError, match=r"--length_unit: Unknown value 'wrods'. Did you mean 'words'"):
        evaluate_model(str(folder), CorpusConfig(path=str(corpus)), options={"length_unit": "wrods"})


def test_a_classifier_makes_no_summaries(tiny_classifier, tmp_path):
    (tmp_path / "a.txt").write_text("w1")
    with pytest.raises(
        ConfigError,
        match=r"Unknown option '--length'\. Options: --top_k, --windows, --descriptions, --transductive\. They are",
    ):
        predict_file(str(tiny_classifier), str(tmp_path / "a.txt"), options={"length": 2})
    with pytest.raises(
        ConfigError,
        match=r"Unknown option '--generation num_beams'\. Options: --top_k, --windows, --descriptions, --transductive\. They",
    ):
        evaluate_model(str(tiny_classifier), CorpusConfig(path=str(tmp_path / "a.txt")), options={"num_beams": 1})


def test_what_cannot_be_summarised_is_said(finished, tmp_path):
    _, folder, _ = finished
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(DataError, match="there is no column 'document'; columns found: text"):
        predict_file(str(folder), str(tmp_path / "a.jsonl"))
    with pytest.raises(
        ConfigError, match=r"Unknown option '--top_k'\. Options: --length_unit, --length, --bertscore_model\. They"
    ):
        predict_file(str(folder), str(tmp_path / "a.jsonl"), options={"top_k": 1})
    (tmp_path / "empty.txt").write_text("")
    assert predict_file(str(folder), str(tmp_path / "empty.txt"), output=str(tmp_path / "out")) == 0
    (tmp_path / "blank.txt").write_text("  \n")
    with pytest.raises(DataError, match="is empty or has no visible character"):
        predict_file(str(folder), str(tmp_path / "blank.txt"))
    assert isinstance(read_run(folder).predictor, ExtractivePredictor)


def test_documents_of_all_kinds(finished):
    _, folder, _ = finished
    summarizer = saved_models.load(folder)
    assert isinstance(summarizer, ExtractivePredictor)
    texts = ["", "use.", "use " * 3000, "これは文です。次の文です。", "use copy. " * 400, "\n\n"]
    found = list(summarizer.predict(enumerate(texts)))
    assert [one.id for one in found] == list(range(6))
    assert found[0].summary == found[5].summary == ""
    assert found[1].summary == "use."
    assert [(one.start, one.end) for one in found[2].sentences] == [(0, 11_999)]
    assert found[3].sentences
    assert len(found[4].sentences) <= 2
    assert found[0].row() == {"id": 0, "summary": "", "sentences": [], "flags": []}


def test_a_long_document_is_scored_once_a_sentence_however_it_is_batched(finished):
    _, folder, _ = finished
    summarizer = saved_models.load(folder)
    sentences = [sentence for row in documents(8, seed=5) for sentence in row["document"]]
    (together,) = summarizer.sentence_scores([sentences])
    (alone,) = summarizer.sentence_scores([sentences], max_tokens=1)
    assert together.shape == (len(sentences),)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert ((together > 0) & (together < 1)).all()


def test_a_summary_is_one_line():
    text = "Of two\n lines.      More."
    one = ExtractedSummary("a", text, [(0, 2), (3, 14), (20, 25)], None, [0.0, 0.0, 0.0], [1, 2], None)
    assert one.prediction().row() == {
        "id": "a",
        "summary": "two lines. More.",
        "sentences": [
            {"text": "two\n lines.", "start": 3, "end": 14, "score": 0.5},
            {"text": "More.", "start": 20, "end": 25, "score": 0.5},
        ],
        "flags": [],
    }


def test_a_next_run_goes_on_from_it(finished, encoder, tmp_path):
    _, folder, _ = finished
    corpus = write_documents(tmp_path / "marked", highlights=True)
    made = summary_tree(folder / "model", corpus, tmp_path / "next", num_train_epochs=1, learning_rate=1e-5)
    made["task"]["supervision"] = "auto"
    report = run(load_config(tree=made))
    assert report.facts["sentences are labelled by"] == "highlights"
    assert report.facts["The sentence layers of the run before are kept."] is True
    assert report.metrics["source"]["test"]["f1"] > 0.9


@pytest.mark.parametrize("method", [{"name": "lora", "r": 4}, {"name": "partial_fine_tuning", "layers": 1}])
def test_other_methods_go_with_it(encoder, corpus, tmp_path, method):
    made = summary_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    report = run(load_config(tree={**made, "methods": [method]}))
    assert report.cost.trainable_parameters < report.cost.total_parameters
    lines = [line for line in read(tmp_path / "run" / "predictions.jsonl.gz") if line["split"] == "test"]
    summarizer = saved_models.load(tmp_path / "run")
    for line, row in zip(lines, documents(12, seed=2), strict=True):
        (found,) = summarizer.predict([(0, "\n".join(row["document"]))])
        assert found.summary == line["summary"]


def test_a_target_domain_is_scored_by_its_summaries(encoder, corpus, tmp_path):
    target = write_documents(tmp_path / "target", sizes=(3, 3, 6))
    made = summary_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    report = run(load_config(tree={**made, "target": {"path": str(target)}}))
    assert report.metrics["target"]["test"]["rows"] == 6
    assert report.baselines["lead"]["target"]["test"]["rows"] == 6


def test_a_target_without_summaries_is_summarised(encoder, corpus, tmp_path):
    rows = [{"id": row["id"], "document": row["document"]} for row in documents(5, seed=7)]
    (tmp_path / "plain.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = summary_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    report = run(load_config(tree={**made, "target": {"path": str(tmp_path / "plain.jsonl")}}))
    assert report.metrics["target"] == {}
    lines = [line for line in read(tmp_path / "run" / "predictions.jsonl.gz") if line["domain"] == "target"]
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    assert all(line["reference"] is None and line["summary"] for line in lines)


@pytest.mark.slow
def test_two_processes_make_the_metrics_of_one(encoder, corpus, tmp_path):
    made = summary_tree(encoder, corpus, tmp_path / "two", num_train_epochs=1)
    train_on_two_processes(made, tmp_path)
    lines = [line for line in read(tmp_path / "two" / "predictions.jsonl.gz") if line["split"] == "test"]
    summarizer = saved_models.load(tmp_path / "two")
    for line, row in zip(lines, documents(12, seed=2), strict=True):
        (found,) = summarizer.predict([(0, "\n".join(row["document"]))])
        assert found.summary == line["summary"]


def test_a_sentence_longer_than_a_window_is_told_of(encoder, tmp_path):
    rows = [{"document": ["use " * 60, "copy the of."], "summary": "copy"}] * 2
    for name in ("train", "dev"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    shown = dry_run(load_config(tree=summary_tree(encoder, tmp_path, tmp_path / "run")))
    assert "source sentences longer than a window, read as far as it goes: 4" in shown


def test_a_dry_run_shows_the_right_sentences(encoder, corpus, tmp_path):
    shown = dry_run(load_config(tree=summary_tree(encoder, corpus, tmp_path / "run")))
    assert shown.count("these belong into a summary: ") == 10
    assert "training sentences that belong into a summary: 80 of " in shown
    assert not (tmp_path / "run").exists()


def test_it_is_estimated_like_any_run(encoder, corpus, tmp_path):
    found = estimate(load_config(tree=summary_tree(encoder, corpus, tmp_path / "run")))
    assert set(found.seconds) >= {"Preparing", "Training", "Final scoring"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"methods": [{"name": "dann"}], "target": {"path": "."}},
            "methods: dann does not go with extractive_summarization. Methods for it: full_fine_tuning, "
            "partial_fine_tuning, lora.",
        ),
        ({"training": {"metric_for_best_model": "rouge3"}}, "training.metric_for_best_model: Unknown metric 'rouge3'"),
        ({"task": {"overlap": 30}}, "task.overlap is 30; expected 0 to half of task.max_length, or null."),
        ({"task": {"length": 2.5}}, "task.length is 2.5; expected a whole number of sentences, 1 or more."),
        ({"task": {"length_unit": "share"}}, "task.length is 2; a share is above 0 and at most 1, such as 0.2."),
        ({"task": {"length_unit": "wrods"}}, "task.length_unit: Unknown value 'wrods'. Did you mean 'words'?"),
        ({"baselines": ["leda"]}, "baselines: Unknown baseline 'leda'. Did you mean 'lead'?"),
        ({"baselines": ["tfidf_svm"]}, "baselines: Unknown baseline 'tfidf_svm'."),
        ({"prior_correction": True}, "prior_correction is for classes of texts; extractive_summarization has none."),
    ],
)
def test_what_does_not_go_with_it_is_refused(encoder, corpus, tmp_path, change, message):
    made = summary_tree(encoder, corpus, tmp_path / "run")
    for key, value in change.items():
        made[key] = {**made[key], **value} if isinstance(value, dict) and key in made else value
    with pytest.raises(ConfigError) as error:
        load_config(tree=made)
    assert message in str(error.value)


def test_documents_without_anything_to_learn_from(encoder, tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.jsonl").write_text('{"document": "A text."}\n{"document": "Another."}\n')
    with pytest.raises(DataError, match="the train and validation documents have no column 'summary' or 'highlights'"):
        dry_run(load_config(tree=summary_tree(encoder, tmp_path, tmp_path / "run")))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"summary": "nothing of it"}, "no summary shares a word with its document. Check which column"),
        ({"highlights": []}, r"none of their passages marks one. Mark some, or set task.supervision: summary"),
    ],
)
def test_documents_that_mark_nothing(encoder, tmp_path, row, message):
    for name in ("train", "dev"):
        lines = [json.dumps({"document": text, **row}) for text in ("use copy.", "share same.")]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    with pytest.raises(DataError, match=f"no training sentence belongs into a summary: {message}"):
        dry_run(load_config(tree=summary_tree(encoder, tmp_path, tmp_path / "run")))
