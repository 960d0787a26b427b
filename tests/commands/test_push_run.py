"""A run's model goes to the Hub whole, with a card that says what is public, and nothing that is not."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from nlp_transfer import run
from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.model_card import base_of
from nlp_transfer.commands.push_run import notes_on, prepare, push
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, NLPTransferError, PublishError
from nlp_transfer.hub.package import RepoFile
from nlp_transfer.hub.upload import Repository, upload
from nlp_transfer.models.files.manifest import write_manifest
from tests.hub_server import OWNER, READER, Hub
from tests.logged import logged
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `lora` and `multi`, their corpora and their encoder. Do not write to it."""
    folder = tmp_path_factory.mktemp("runs")
    encoder = tiny_encoder(folder / "encoder")
    lora = run_tree(encoder, write_corpus(folder / "corpus"), folder / "lora", num_train_epochs=1)
    run(load_config(tree={**lora, "methods": [{"name": "lora", "r": 4}]}))
    corpus = write_corpus(folder / "multi_corpus", multi_label=True)
    tree = run_tree(encoder, corpus, folder / "multi", num_train_epochs=1)
    run(load_config(tree={**tree, "target": {"path": str(corpus)}, "methods": ["full_fine_tuning"]}))
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The run `lora`, to damage."""
    return Path(shutil.copytree(trained / "lora", tmp_path / "lora"))


def edit(place: Path, **values: Any) -> None:
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}))
    if place.name == "report.json":  # as if the run had ended with these
        edit(place.with_name("run.json"), results={})


def rename_label(folder: Path, label: str) -> None:
    config = json.loads((folder / "model" / "config.json").read_text())
    edit(folder / "model" / "config.json", id2label={**config["id2label"], "0": label})
    write_manifest(folder / "model")


def snippets(files: Mapping[str, bytes]) -> list[str]:
    """The Python in a repository's card."""
    return re.findall(r"```python\n(.*?)\n```", files["README.md"].decode(), re.DOTALL)


def refusal(folder: Path, repo_id: str = "clauses", **settings: Any) -> list[str]:
    with pytest.raises(NLPTransferError) as caught:
        push(folder, repo_id, PushSettings(**settings))
    return caught.value.problems


# ---- what goes ----


def test_the_merged_model_goes_by_default(loopback_hub: Hub, trained: Path) -> None:
    with logged() as said:
        commit = push(trained / "lora", "clauses")
    assert said[0].startswith("Pushing 7 files, 0.1 MB, to ada/clauses.")
    assert str(commit.repo_url) == f"{loopback_hub.url}/ada/clauses"
    repository = loopback_hub.repositories["ada/clauses"]
    assert repository.private
    assert repository.messages[-1] == "sequence_classification by lora"
    files = loopback_hub.files("ada/clauses")
    assert sorted(files) == [
        ".gitattributes",
        "README.md",
        "config.json",
        "manifest.json",
        "metrics.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert files["model.safetensors"] == (trained / "lora" / "model" / "model.safetensors").read_bytes()
    assert files["metrics.json"] == (trained / "lora" / "metrics.json").read_bytes()


def test_no_place_on_this_machine_goes(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "lora", "clauses", PushSettings(what="both"))
    files = loopback_hub.files("ada/clauses")
    assert {"model.safetensors", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"} <= set(files)
    assert "adapter/README.md" not in files  # peft's own card names the encoder's folder
    for name, content in files.items():
        assert str(trained).encode() not in content, name
        assert str(Path.home()).encode() + b"/" not in content, name
    assert json.loads(files["adapter/adapter_config.json"])["base_model_name_or_path"] is None


def test_the_adapter_alone(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "lora", "clauses-lora", PushSettings(what="adapter"))
    files = loopback_hub.files("ada/clauses-lora")
    assert "adapter_model.safetensors" in files
    assert "model.safetensors" not in files
    assert ModelCard(files["README.md"].decode()).data.library_name == "peft"


def test_a_push_after_both_takes_the_adapter_away(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "lora", "clauses", PushSettings(what="both"))
    push(trained / "lora", "clauses")
    assert not [name for name in loopback_hub.files("ada/clauses") if name.startswith("adapter/")]


@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ("adapter", "{run} has no adapter/, so --what adapter cannot be pushed; it has model/."),
        ("both", "{run} has no adapter/, so --what both cannot be pushed; it has model/."),
        ("modle", "--what: Unknown part 'modle'. Did you mean 'model'? Parts: model, adapter, both."),
    ],
)
def test_what_the_run_does_not_have(loopback_hub: Hub, trained: Path, what: str, problem: str) -> None:
    assert refusal(trained / "multi", what=what) == [problem.format(run=trained / "multi")]
    assert loopback_hub.repositories == {}


def test_what_stays_is_listed(trained: Path) -> None:
    prepared = prepare(read_run(trained / "lora"), "ada/clauses", PushSettings())
    assert prepared.findings == []
    assert prepared.staying == [
        "adapter/",
        "baselines.json",
        "checkpoints/",
        "config.yaml",
        "log.jsonl",
        "predictions.jsonl.gz",
        "report.html",
        "report.json",
        "report.md",
        "run.json",
    ]
    both = prepare(read_run(trained / "lora"), "ada/clauses", PushSettings(what="both"))
    assert "adapter/README.md" in both.staying


@pytest.mark.slow
def test_an_adapter_of_a_hub_model_is_loaded_by_its_name_alone(
    loopback_hub: Hub, trained: Path, tmp_path: Path
) -> None:
    import torch

    from nlp_transfer.tasks import saved_models as saved

    encoder = [RepoFile(path.name, path, "") for path in sorted((trained / "encoder").iterdir())]
    commit = upload(Repository("lab/encoder"), encoder, message="an encoder", public=False).oid
    tree = run_tree(trained / "encoder", trained / "corpus", tmp_path / "lora", num_train_epochs=1)
    run(load_config(tree={**tree, "model": "lab/encoder", "methods": [{"name": "lora", "r": 4}]}))
    push(tmp_path / "lora", "adapter", PushSettings(what="adapter"))
    files = loopback_hub.files("ada/adapter")
    config = json.loads(files["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == ("lab/encoder", commit)
    data = ModelCard(files["README.md"].decode()).data
    assert (data.base_model, data.get("base_model_relation")) == ("lab/encoder", "adapter")
    here = saved.load(tmp_path / "lora")
    batch = here.tokenizer("use the software freely", return_tensors="pt", return_token_type_ids=False)
    code = (
        f"{snippets(files)[0]}\n"
        "import json, sys, torch\n"
        "assert model.eval().config.id2label == {0: 'copyleft', 1: 'permissive', 2: 'public'}\n"
        "with torch.no_grad(): print(json.dumps(model(torch.tensor(json.loads(sys.argv[1]))).logits.tolist()))"
    )
    env = {**os.environ, "HF_ENDPOINT": loopback_hub.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    words = [sys.executable, "-c", code, json.dumps(batch["input_ids"].tolist())]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with torch.no_grad():
        expected = here.model(**batch).logits
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("what", "which"), [("adapter", 0), ("both", 1)])
def test_an_adapter_loaded_as_its_card_says_knows_its_classes(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, which: int
) -> None:
    from transformers import pipeline

    files = {
        part.name: part.read()
        for part in prepare(read_run(trained / "lora"), "ada/clauses", PushSettings(what=what)).parts
    }
    for name, content in files.items():
        (tmp_path / "ada/clauses" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ada/clauses" / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)  # where the repository's name is that of a folder
    names: dict[str, Any] = {"BASE": str(trained / "encoder")}
    exec(snippets(files)[which], names)
    here = pipeline("text-classification", model=str(trained / "lora" / "model"))
    there = pipeline("text-classification", model=names["model"], tokenizer=here.tokenizer)
    found, expected = ({one["label"]: one["score"] for one in p("use freely", top_k=None)} for p in (there, here))
    assert sorted(found) == ["copyleft", "permissive", "public"]
    assert found == pytest.approx(expected, abs=1e-6)


# ---- the card ----


def test_the_card_holds_the_scores_of_metrics_json(trained: Path) -> None:
    parts = {part.name: part for part in prepare(read_run(trained / "multi"), "ada/clauses", PushSettings()).parts}
    card = ModelCard(parts["README.md"].read().decode())
    metrics = json.loads((trained / "multi" / "metrics.json").read_text())
    expected = {
        (f"{domain} (unpublished)", split, name): value
        for domain, splits in metrics.items()
        for split, scores in splits.items()
        for name, value in scores.items()
        if isinstance(value, int | float) and name != "rows" and not name.endswith(("_low", "_high"))
    }
    found = {(one.dataset_name, one.dataset_split, one.metric_name): one.metric_value for one in card.data.eval_results}
    assert found == expected
    assert "macro_f1_low" not in parts["README.md"].read().decode()
    scores = metrics["source"]["test"]
    assert f"{scores['macro_f1_low']:.3f}–{scores['macro_f1_high']:.3f}" in card.text
    assert card.data.tags == ["nlp-transfer", "sequence-classification", "full-fine-tuning"]
    for line in ("| copyleft | 8 |", "**Target**: texts that are not published; rows: ", "Devlin et al. (2019)"):
        assert line in card.text
    assert "- Texts are cut at 32 tokens." in card.text
    assert "- Its decision (thresholds by label) is in `config.json`; `nlp_transfer.load` applies it." in card.text
    assert re.search(r"- Parameters trained: 29,555 of 29,555", card.text)
    assert 'pipeline("text-classification", model="ada/clauses"' in card.text


def test_no_sample_of_the_data_is_in_the_card(trained: Path) -> None:
    card = next(p for p in prepare(read_run(trained / "lora"), "a/b", PushSettings()).parts if p.name == "README.md")
    texts = [json.loads(line)["text"] for line in (trained / "corpus" / "train.jsonl").read_text().splitlines()]
    assert not [text for text in texts if text in card.read().decode()]


@pytest.mark.parametrize(
    ("model", "origin", "words", "hub_id", "revision"),
    [
        ("org/enc", f"Hub model org/enc at revision {'a' * 40}", "[org/enc](https://huggingface.co/org/enc)", "org/enc", "a" * 40),
        ("package:some_package/model", "model of the package some_package 0.1", "model of the package some_package 0.1", None, None),
        ("/home/ada/enc", "folder /home/ada/enc", "an encoder that is not on the Hub", None, None),
        ("../enc", "", "an encoder that is not on the Hub", None, None),
    ],
)  # fmt: skip
def test_the_base_model_by_its_public_name(
    copy: Path, model: str, origin: str, words: str, hub_id: str | None, revision: str | None
) -> None:
    record = json.loads((copy / "run.json").read_text())
    edit(copy / "run.json", config={**record["config"], "model": model})
    edit(copy / "report.json", model=origin)
    base = base_of(read_run(copy))
    assert (base.words, base.hub_id, base.revision, base.root) == (words, hub_id, revision, None)


def test_the_base_model_of_an_earlier_run_is_followed_to_the_hub(copy: Path, tmp_path: Path) -> None:
    later = Path(shutil.copytree(copy, tmp_path / "later"))
    edit(copy / "report.json", model="Hub model org/enc at revision abc")
    edit(later / "report.json", model=f"folder {copy / 'model'}")
    base = base_of(read_run(later))
    assert base.words == (
        "the model of an earlier run (sequence_classification) on [org/enc](https://huggingface.co/org/enc)"
    )
    assert (base.hub_id, base.root) == (None, "org/enc")


def test_public_corpora_are_named(copy: Path) -> None:
    record = json.loads((copy / "run.json").read_text())
    source = {"hub": "coastalcph/lex_glue", "name": "ledgar", "revision": "main"}
    edit(copy / "run.json", config={**record["config"], "source": source, "target": {"builtin": "licenses"}})
    settings = PushSettings(skip_overlap_check=True, license="mit", language=["en"])
    (card,) = (part for part in prepare(read_run(copy), "a/b", settings).parts if part.name == "README.md")
    read = ModelCard(card.read().decode())
    assert read.data.datasets == ["coastalcph/lex_glue"]
    assert (read.data.license, read.data.language) == ("mit", ["en"])
    assert (
        "[coastalcph/lex_glue](https://huggingface.co/datasets/coastalcph/lex_glue) (ledgar, revision main)"
        in read.text
    )
    assert "**Target**: the corpus `licenses` of nlp-transfer." in read.text


# ---- the scan ----


def test_a_label_with_an_address_stops_the_push(loopback_hub: Hub, copy: Path) -> None:
    rename_label(copy, "clauses of jane@law.example")
    problems = refusal(copy)
    assert problems[0].startswith("config.json, line 1: e-mail address: 'jane@law.example' (to let it pass: --allow ")
    assert problems[-1].startswith("Nothing was sent.")
    assert loopback_hub.repositories == {}
    key = problems[0].split("--allow ")[1].rstrip(")")
    push(copy, "clauses", PushSettings(allow=[key]))
    assert "ada/clauses" in loopback_hub.repositories


def test_a_template_and_a_special_token_are_scanned_too(loopback_hub: Hub, copy: Path) -> None:
    folder = copy / "model"
    (folder / "chat_template.jinja").write_text("You read clauses\nfor jane@law.example.")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    token = {"id": 999, "content": "<eve@law.example>", "special": True}
    edit(folder / "tokenizer.json", added_tokens=[*tokenizer["added_tokens"], token])
    write_manifest(folder)
    assert [problem.split(" (to")[0] for problem in refusal(copy)[:-1]] == [
        "chat_template.jinja, line 2: e-mail address: 'jane@law.example'",
        "tokenizer.json, outside its vocabulary, line 7: e-mail address: 'eve@law.example'",
    ]
    assert loopback_hub.repositories == {}


def test_eight_words_of_the_corpus_stop_the_push(loopback_hub: Hub, copy: Path, trained: Path) -> None:
    text = json.loads((trained / "corpus" / "test.jsonl").read_text().splitlines()[0])["text"]
    rename_label(copy, " ".join(text.split()[:8]))
    problems = refusal(copy)
    assert problems[0].startswith("config.json, line 1: 8 words that stand in the corpus: ")
    rename_label(copy, " ".join(text.split()[:7]))
    push(copy, "clauses")


def test_a_card_of_ones_own_is_scanned(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("---\ntags: [nlp-transfer]\n---\n# Mine\nmade in /home/ada/work by hf_" + "x1" * 16)
    problems = refusal(trained / "lora", card=card)
    assert [problem.split(" (to")[0] for problem in problems[:-1]] == [
        "README.md, line 5: Hub token: 'hf_x…'",
        "README.md, line 5: a path of a machine: '/home/ada/work'",
    ]
    card.write_text("---\ntags: [nlp-transfer]\n---\n# Mine\n")
    push(trained / "lora", "clauses", PushSettings(card=card))
    assert loopback_hub.files("ada/clauses")["README.md"] == card.read_bytes()


def test_a_card_that_is_not_there(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    (problem,) = refusal(trained / "lora", card=tmp_path / "none.md")
    assert problem.startswith(f"--card {tmp_path / 'none.md'} cannot be read: ")
    (problem,) = refusal(trained / "lora", card=tmp_path / "none.md", license="mit")
    assert problem == "--card is a whole card; write license and language into it, and leave the options out."


def test_an_adapter_whose_base_has_no_public_name_says_so(loopback_hub: Hub, copy: Path) -> None:
    with logged() as said:
        push(copy, "one", PushSettings(what="adapter"))
    note = (
        "Note: the adapter fits one base model alone, and that is an encoder that is not on the Hub: neither "
        "adapter_config.json nor the card can say where it lies. Whoever loads the adapter needs this very base from you."
    )
    assert said[0] == f"{note} --what model pushes the model that holds both."
    run = read_run(copy)
    assert notes_on(run, PushSettings(what="both")) == [note]
    assert notes_on(run, PushSettings()) == []
    edit(copy / "report.json", model="Hub model org/enc at revision abc")
    assert notes_on(read_run(copy), PushSettings(what="adapter")) == []


def test_without_its_corpus_a_run_is_pushed_only_if_that_is_asked_for(loopback_hub: Hub, copy: Path) -> None:
    record = json.loads((copy / "run.json").read_text())
    edit(copy / "run.json", config={**record["config"], "source": {"path": "/nowhere/corpus"}})
    (problem,) = refusal(copy)
    assert problem.startswith("The texts of the run cannot be read again (")
    assert problem.endswith("or pass --skip_overlap_check if you have looked yourself.")
    assert loopback_hub.repositories == {}
    push(copy, "clauses", PushSettings(skip_overlap_check=True))


def test_another_corpus_than_in_the_run_is_none(loopback_hub: Hub, copy: Path) -> None:
    edit(copy / "run.json", inputs={"source corpus": "0" * 64})
    (problem,) = refusal(copy)
    assert problem.startswith(
        "The source corpus is another than in the run: its fingerprint was 000000000000…, now it is "
    )


# ---- no run ----


def test_what_is_no_finished_run(loopback_hub: Hub, copy: Path, tmp_path: Path) -> None:
    expected = "Expected the output folder of a finished run"
    assert refusal(tmp_path / "none") == [f"{tmp_path / 'none'} is empty or not there. {expected}."]
    assert refusal(copy / "model") == [
        f"{copy / 'model'} holds no run of ours. {expected}; name the run's folder, {copy}."
    ]
    edit(copy / "run.json", status="running")
    assert refusal(copy) == [f"{copy} holds an unfinished run; finish it with --resume. {expected}."]
    assert loopback_hub.asked == []


def test_a_torn_model_is_not_pushed(loopback_hub: Hub, copy: Path) -> None:
    with (copy / "model" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckpointError, match="bytes, but manifest"):
        push(copy, "clauses")
    assert loopback_hub.repositories == {}


# ---- at the end of a run ----


def tree_of(trained: Path, output: Path, **training: Any) -> dict[str, Any]:
    return run_tree(trained / "encoder", trained / "corpus", output, num_train_epochs=1, push_to_hub=True, **training)


def test_a_run_pushes_what_its_folder_holds_in_the_end(
    loopback_hub: Hub, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    tree = tree_of(trained, tmp_path / "run", hub_token=OWNER, hub_model_id="lab/clauses")
    report = run(load_config(tree=tree))
    assert report is not None
    commit = loopback_hub.repositories["lab/clauses"].branches["main"]
    assert report.paths["hub"] == f"{loopback_hub.url}/lab/clauses at revision {commit}"
    files = loopback_hub.files("lab/clauses")
    assert files["model.safetensors"] == (tmp_path / "run" / "model" / "model.safetensors").read_bytes()
    assert loopback_hub.repositories["lab/clauses"].messages[1:] == ["sequence_classification by full_fine_tuning"]
    staying = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert [path for path in staying if OWNER.encode() in path.read_bytes()] == []
    assert [content for content in files.values() if OWNER.encode() in content] == []


def test_a_push_that_will_not_be_let_in_is_refused_before_training(
    loopback_hub: Hub, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(PublishError, match="may only read"):
        run(load_config(tree=tree_of(trained, tmp_path / "run", hub_token=READER)))
    assert not (tmp_path / "run").exists()


def test_a_push_that_fails_takes_nothing_from_the_run(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    loopback_hub.fail("POST", "/repos/create", 403, said="no more repositories")
    tree = tree_of(trained, tmp_path / "run", hub_model_id="ada/clauses", hub_private_repo=False)
    report = run(load_config(tree=tree))
    assert report is not None
    assert "hub" not in report.paths
    assert read_run(tmp_path / "run").report.metrics == report.metrics
    assert report.unpushed is not None
    assert report.unpushed.startswith(
        "The run is finished, and its model was NOT pushed: The login has no right to write to "
    )
    assert report.unpushed.endswith(f"\nPush it with: python scripts/push.py {tmp_path / 'run'} ada/clauses --public")


@pytest.mark.parametrize("strategy", ["every_save", "checkpoint", "all_checkpoints"])
def test_checkpoints_are_never_pushed(trained: Path, tmp_path: Path, strategy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tree=tree_of(trained, tmp_path / "run", hub_strategy=strategy))
    assert f"training.hub_strategy is '{strategy}', which would publish checkpoints with optimizer states" in str(
        caught.value
    )
    assert "Expected end: the model is pushed once" in str(caught.value)


# ---- other tasks ----


def test_an_encoder_that_was_pretrained_further(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    from transformers import pipeline

    tree = run_tree(trained / "encoder", trained / "corpus", tmp_path / "mlm", num_train_epochs=1)
    tree["training"]["metric_for_best_model"] = "loss"
    task = {"name": "masked_language_modeling", "max_length": 32}
    run(load_config(tree={**tree, "task": task, "methods": [{"name": "lora", "r": 2}]}))
    push(tmp_path / "mlm", "words", PushSettings(what="both"))
    card = ModelCard(loopback_hub.files("ada/words")["README.md"].decode())
    metrics = json.loads((tmp_path / "mlm" / "metrics.json").read_text())
    assert card.data.pipeline_tag == "fill-mask"
    (found,) = [one for one in card.data.eval_results if (one.metric_name, one.dataset_split) == ("perplexity", "test")]
    assert found.metric_value == metrics["source"]["test"]["perplexity"]
    assert "| before training | " in card.text
    sure = {one["token_str"]: one["score"] for one in pipeline("fill-mask", model="ada/words")("the [MASK] of")}
    here = pipeline("fill-mask", model=str(tmp_path / "mlm" / "model"))("the [MASK] of")
    assert sure == pytest.approx({one["token_str"]: one["score"] for one in here}, abs=1e-6)


def test_a_summariser(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    import nlp_transfer
    from tests.tiny_documents import documents, summary_tree, write_documents

    tree = summary_tree(trained / "encoder", write_documents(tmp_path / "documents"), tmp_path / "summaries")
    run(load_config(tree=tree))
    push(tmp_path / "summaries", "summaries")
    card = ModelCard(loopback_hub.files("ada/summaries")["README.md"].decode())
    assert card.data.pipeline_tag == "summarization"
    assert "rouge" in {one.metric_type for one in card.data.eval_results}
    assert "nlp_transfer.register_pipelines()" in card.text
    assert "- Texts are read in windows of 40 tokens." in card.text
    rows = [(row["id"], row["document"]) for row in documents(3, seed=7)]
    pushed, here = (
        [summary.row() for summary in nlp_transfer.load(name).predict(rows)]
        for name in ("ada/summaries", tmp_path / "summaries")
    )
    assert pushed == here


def test_a_sentence_of_a_document_stops_the_push(loopback_hub: Hub, copy: Path, tmp_path: Path) -> None:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus

    document = ["It was held that the waiver", "shall be deemed void in law."]  # a run may go over sentences
    corpus = Corpus("memory", {"train": Dataset.from_list([{"id": "a", "document": document}])}, (), "")
    rename_label(copy, "the waiver shall be deemed void in law")
    with pytest.raises(PublishError, match="8 words that stand in the corpus"):
        push(copy, "clauses", corpora={"source": corpus})
    assert loopback_hub.repositories == {}
