"""A model that reads what an extractor picks goes to the Hub with it, and picks and writes there as it did here."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import pipeline

import nlp_transfer
from nlp_transfer import run
from nlp_transfer.commands import main
from nlp_transfer.commands.push_run import prepare, push, read_source
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, PublishError
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.tasks import saved_models
from tests.hub_server import Hub
from tests.logged import logged
from tests.tiny_documents import documents, summary_tree, write_documents
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `writer`, whose extractor is of the run `extractor`, of other texts. Do not write to it."""
    folder = tmp_path_factory.mktemp("writers")
    encoder = tiny_encoder(folder / "encoder")
    write_documents(folder / "documents")
    write_documents(folder / "others", sizes=(30, 11, 13))
    run(load_config(tree=summary_tree(encoder, folder / "others", folder / "extractor", num_train_epochs=1)))
    tree = summary_tree(
        encoder, folder / "documents", folder / "writer", num_train_epochs=1, metric_for_best_model="rouge1"
    )
    tree["task"] = {
        "name": "abstractive_summarization",
        "max_length": 40,
        "max_summary_length": 20,
        "num_beams": 2,
        "long_documents": "extract",
        "extractor": str(folder / "extractor"),
    }
    run(load_config(tree=tree))
    (folder / "writer" / "model" / "extractor" / "training_args.bin").write_bytes(b"a pickle")
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The run `writer`, to damage."""
    return Path(shutil.copytree(trained / "writer", tmp_path / "writer"))


def relabel(extractor: Path, label: str) -> None:
    config = json.loads((extractor / "config.json").read_text())
    (extractor / "config.json").write_text(json.dumps({**config, "id2label": {"0": label}, "label2id": {label: 0}}))
    write_manifest(extractor)
    write_manifest(extractor.parent)


def texts() -> list[str]:
    return ["\n".join(row["document"]) for row in documents(5, seed=7)]


def test_it_goes_and_comes_back(loopback_hub: Hub, trained: Path) -> None:
    commit = push(trained / "writer", "writer")
    files = loopback_hub.files("ada/writer")
    assert sorted(name for name in files if name.startswith("extractor/")) == [
        "extractor/config.json",
        "extractor/manifest.json",
        "extractor/model.safetensors",
        "extractor/tokenizer.json",
        "extractor/tokenizer_config.json",
    ]
    assert not [name for name, content in files.items() if str(trained).encode() in content]
    listed = json.loads(files["manifest.json"])["files"]
    assert listed["extractor/model.safetensors"]["bytes"] == len(files["extractor/model.safetensors"])
    here = saved_models.load(trained / "writer")
    for revision in (None, commit.oid):
        back: Any = nlp_transfer.load("ada/writer", revision=revision)
        for name, weight in here.extractor.model.state_dict().items():
            assert torch.equal(back.extractor.model.state_dict()[name], weight)
        rows = list(enumerate(texts()))
        for one, other in zip(here.extractor.predict(rows), back.extractor.predict(rows), strict=True):
            assert (one.summary, one.sentences) == (other.summary, other.sentences)
        ours, theirs = here.extractor.ranking(), back.extractor.ranking()
        sentences = [row["document"] for row in documents(3, seed=7)]
        assert ours(sentences) == theirs(sentences)
        assert [one.summary for one in back.predict(rows)] == [one.summary for one in here.predict(rows)]


def test_the_pipeline_of_the_card_finds_the_extractor(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "writer", "writer")
    nlp_transfer.register_pipelines()
    made = pipeline("summarization", model="ada/writer")
    expected = [one.summary for one in saved_models.load(trained / "writer").predict(enumerate(texts()))]
    assert [one["summary_text"] for one in made(texts())] == expected


def test_a_repository_that_lost_it_is_not_whole(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "writer", "writer")
    repository = loopback_hub.repositories["ada/writer"]
    held = repository.commits[repository.branches["main"]]
    del held["extractor/model.safetensors"]
    with pytest.raises(CheckpointError, match=r"extractor/model\.safetensors is missing; manifest\.json says"):
        nlp_transfer.load("ada/writer")


def test_a_later_push_without_one_takes_it_away(loopback_hub: Hub, trained: Path) -> None:
    push(trained / "writer", "writer")
    push(trained / "extractor", "writer")
    assert not [name for name in loopback_hub.files("ada/writer") if name.startswith("extractor/")]


def test_a_dry_run_lists_it(
    loopback_hub: Hub, trained: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(copy), "ada/writer", "--dry_run"]) == 0
    shown = capsys.readouterr().out
    size = (copy / "model" / "extractor" / "model.safetensors").stat().st_size
    assert f"extractor/model.safetensors      weights                                         {size:,}" in shown
    assert "Stays here: model/extractor/training_args.bin, " in shown
    assert "not looked through" not in shown
    record = json.loads((copy / "run.json").read_text())
    record["config"]["task"]["extractor"] = "/nowhere/extractor"
    (copy / "run.json").write_text(json.dumps(record))
    assert main(["push", str(copy), "ada/writer", "--dry_run"]) == 0
    assert (
        ".\nThe texts that the model's extractor/ learned from were not looked through: its run is not at "
        "/nowhere/extractor any more. Name the run's folder with --run.\nThe scan lets it pass. Nothing was sent.\n"
    ) in capsys.readouterr().out
    assert main(["push", str(copy), "ada/writer", "--dry_run", "--run", str(trained / "extractor")]) == 0
    assert "not looked through" not in capsys.readouterr().out
    assert main(["push", str(copy), "ada/writer", "--dry_run", "--run", str(trained / "writer")]) == BAD_INPUT
    assert (
        f"--run {trained / 'writer'}: its model/ is not the extractor/ of {copy}, whose weights have the fingerprint "
        in capsys.readouterr().err
    )
    with pytest.raises(ConfigError, match=r"extractor, and .*extractor holds none\. Leave it out\."):
        read_source(trained / "extractor", PushSettings(run=str(trained / "writer")))


def test_a_push_says_what_it_could_not_look_through(loopback_hub: Hub, trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "all"))
    for name in ("writer", "extractor"):
        record = json.loads((folder / name / "run.json").read_text())
        if name == "writer":
            record["config"]["task"]["extractor"] = str(folder / "extractor" / "model")
        else:
            record["config"]["source"] = {"path": "/nowhere/corpus"}
        (folder / name / "run.json").write_text(json.dumps(record))
    shutil.rmtree(folder / "writer" / "model" / "extractor")
    shutil.copytree(folder / "extractor" / "model", folder / "writer" / "model" / "extractor")
    write_manifest(folder / "writer" / "model")
    with logged() as said:
        push(folder / "writer", "writer")
    start = "The texts that the model's extractor/ learned from were not looked through. The texts of the run cannot be read again ("
    assert said[0].startswith(start)
    assert said[1].startswith("Pushing 13 files, ")


def test_what_the_extractor_says_is_scanned(loopback_hub: Hub, copy: Path) -> None:
    relabel(copy / "model" / "extractor", "asked by jane@law.example")
    with pytest.raises(PublishError) as caught:
        push(copy, "writer")
    assert caught.value.problems[0].startswith("extractor/config.json, line 1: e-mail address: 'jane@law.example' (to")
    assert loopback_hub.repositories == {}


@pytest.mark.parametrize(("corpus", "size"), [("documents", 12), ("others", 13)])
def test_words_of_either_corpus_are_found(
    loopback_hub: Hub, trained: Path, tmp_path: Path, corpus: str, size: int
) -> None:
    row = json.loads((trained / corpus / "test.jsonl").read_text().splitlines()[size - 1])
    assert size == 12 or row not in map(json.loads, (trained / "documents" / "test.jsonl").read_text().splitlines())
    card = tmp_path / "card.md"
    card.write_text(
        "---\ntags: [nlp-transfer]\n---\n# Mine\n" + " ".join(" ".join(row["document"]).split()[2:12]) + "\n"
    )
    settings = PushSettings(card=card)
    findings = prepare(read_source(trained / "writer", settings), "a/b", settings).findings
    assert [finding.file for finding in findings if finding.kind == "corpus"] == ["README.md"]


def test_a_link_in_its_place_is_refused(copy: Path, trained: Path) -> None:
    shutil.rmtree(copy / "model" / "extractor")
    (copy / "model" / "extractor").symlink_to(trained / "extractor" / "model")
    (copy / "model" / "manifest.json").unlink()
    with pytest.raises(
        CheckpointError, match=r"writer/model: it holds the link extractor, which leads to what is outs"
    ):
        prepare(read_source(copy, PushSettings()), "a/b", PushSettings())
