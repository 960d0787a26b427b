"""Merged models go to the Hub with a card of what they are of, from the records of their runs that they keep."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

import nlp_transfer
from nlp_transfer.commands import main
from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.model_soup import soup
from nlp_transfer.commands.push_run import prepare, push, read_source
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.commands.wise_ft import wise_ft
from nlp_transfer.errors import NLPTransferError
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.tasks import saved_models
from tests.hub_server import Hub
from tests.tiny_finished_runs import finished_runs
from tests.tiny_runs import rows


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run0` and `run1`, their `soup`, and `run0/wise_ft`. Do not write to it."""
    folder = tmp_path_factory.mktemp("merged")
    runs = finished_runs(folder)
    soup([str(run) for run in runs], str(folder / "soup"))
    wise_ft(str(runs[0]), alphas=[0, 0.75, 1])
    return folder


def card_of(folder: Path, **settings: Any) -> ModelCard:
    given = PushSettings(**settings)
    parts = {part.name: part for part in prepare(read_source(folder, given), "ada/clauses", given).parts}
    return ModelCard(parts["README.md"].read().decode())


def refusal(folder: Path, **settings: Any) -> list[str]:
    with pytest.raises(NLPTransferError) as caught:
        push(folder, "clauses", PushSettings(**settings))
    return caught.value.problems


def logits(loaded: Any) -> torch.Tensor:
    texts = [row["text"] for row in rows(6, seed=9)]
    batch = loaded.tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        return loaded.model(**batch).logits


@pytest.mark.parametrize(("name", "said"), [("soup", "uniform soup of 2 runs"), ("run0/wise_ft", "WiSE-FT at alpha ")])
def test_a_merged_model_goes_and_comes_back(loopback_hub: Hub, merged: Path, name: str, said: str) -> None:
    push(merged / name, "clauses")
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
    assert files["metrics.json"] == (merged / name / "metrics.json").read_bytes()
    assert not [name for name, content in files.items() if str(merged).encode() in content]
    assert loopback_hub.repositories["ada/clauses"].messages[-1].startswith(said)
    back, here = nlp_transfer.load("ada/clauses"), saved_models.load(merged / name)
    torch.testing.assert_close(logits(back), logits(here), atol=1e-6, rtol=0)
    assert (logits(here) - logits(saved_models.load(merged / "run0"))).abs().max() > 1e-3 or name != "soup"


def test_the_card_of_wise_ft(merged: Path) -> None:
    card = card_of(merged / "run0" / "wise_ft", license="mit")
    curve = json.loads((merged / "run0" / "wise_ft" / "curve.json").read_text())
    alpha = f"{curve['chosen']:g}"
    assert card.data.tags == ["nlp-transfer", "sequence-classification", "full-fine-tuning", "merge", "wise-ft"]
    assert card.data.license == "mit"
    assert (
        "Weights between those of an encoder that is not on the Hub and those that training by `full_fine_tuning` for "
        "the task `sequence_classification` made of it, with nlp-transfer.\n" in card.text
    )
    assert (
        f"**Merged** by WiSE-FT: the encoder at alpha = {alpha} between the pretrained weights (0) and the fine-tuned "
        "ones (1), with the fine-tuned head; alpha was chosen by macro-F1 on source validation: Wortsman et al. "
        "(2022), https://arxiv.org/abs/2109.01903." in card.text
    )
    for point in curve["points"]:
        name = f"{point['alpha']:g}" + " ←" * (point["alpha"] == curve["chosen"])
        cells = [
            f"{point['scores'][domain][split][key]:.3f}"
            for domain, split in (("source", "validation"), ("source", "test"), ("target", "test"))
            for key in ("macro_f1", "accuracy")
        ]
        assert f"| {name} | {' | '.join(cells)} |" in card.text
    assert "- The head was trained on the fine-tuned encoder's features, not on those of this one." in card.text
    assert "**Recipe**: num_train_epochs 4, learning_rate 0.002, per_device_train_batch_size 8, " in card.text
    metrics = json.loads((merged / "run0" / "wise_ft" / "metrics.json").read_text())
    found = {
        (one.dataset_name, one.dataset_split): one.metric_value
        for one in card.data.eval_results
        if one.metric_name == "macro_f1"
    }
    assert found["target (unpublished)", "test"] == metrics["target"]["test"]["macro_f1"]


def test_the_card_of_a_soup(merged: Path) -> None:
    card = card_of(merged / "soup")
    assert card.data.tags[-2:] == ["merge", "uniform-soup"]
    assert (
        "The uniform soup of 2 runs, the mean of their weights: an encoder that is not on the Hub, trained by"
        in card.text
    )
    assert (
        "**Merged** as a uniform soup: the mean of the weights of run 1 (`full_fine_tuning`; num_train_epochs 4, "
        "learning_rate 0.002, per_device_train_batch_size 8, gradient_accumulation_steps 1, weight_decay 0, seed 0); run 2 "
        "(`full_fine_tuning`; num_train_epochs 4, learning_rate 0.002, per_device_train_batch_size 8, "
        "gradient_accumulation_steps 1, weight_decay 0, seed 1)." in card.text
    )
    assert "https://arxiv.org/abs/2203.05482." in card.text
    assert "## Cost" not in card.text and "**Recipe**" not in card.text
    for name, folder in (("run 1", "run0"), ("run 2", "run1"), ("uniform soup ←", "soup")):
        own = json.loads((merged / folder / "metrics.json").read_text())["source"]["validation"]
        assert f"| {name} | {own['macro_f1']:.3f} | {own['accuracy']:.3f} |" in card.text


@pytest.mark.parametrize(("name", "relation"), [("soup", "finetune"), ("run0/wise_ft", "merge")])
def test_the_base_model_and_how_the_model_belongs_to_it(merged: Path, tmp_path: Path, name: str, relation: str) -> None:
    shutil.copytree(merged, tmp_path / "all")
    for place in (tmp_path / "all" / name / "runs").glob("*/report.json"):
        place.write_text(
            json.dumps({**json.loads(place.read_text()), "model": f"Hub model org/enc at revision {'a' * 40}"})
        )
        record = place.with_name("run.json")  # as if the run had ended with these
        record.write_text(json.dumps({**json.loads(record.read_text()), "results": {}}))
    data = card_of(tmp_path / "all" / name).data
    assert (data.base_model, data.get("base_model_relation")) == ("org/enc", relation)


def test_a_merged_model_needs_no_run_any_more(loopback_hub: Hub, merged: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(merged / "soup", tmp_path / "soup"))
    held = {path.relative_to(folder / "runs").as_posix() for path in (folder / "runs").rglob("*.*")}
    names = ("baselines.json", "metrics.json", "report.json", "run.json")
    assert held == {f"{number}/{name}" for number in (1, 2) for name in names}
    for number, run in ((1, "run0"), (2, "run1")):
        assert (folder / "runs" / f"{number}").stat().st_mode & 0o077 == 0  # they may hold texts
        assert (folder / "runs" / f"{number}" / "run.json").read_bytes() == (merged / run / "run.json").read_bytes()
    config = json.loads((folder / "model" / "config.json").read_text())
    made_of = config["nlp_transfer"]["merged"]["runs"]
    assert made_of == [{"name": run, "fingerprint": read_run(merged / run).fingerprint} for run in ("run0", "run1")]
    push(folder, "clauses")
    assert b"uniform soup of 2 runs" in loopback_hub.files("ada/clauses")["README.md"]


def test_what_cannot_be_read_is_refused(loopback_hub: Hub, merged: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(merged / "soup", tmp_path / "soup"))
    (folder / "runs" / "2" / "metrics.json").write_text("{}")
    place = folder / "runs" / "2"
    assert refusal(folder) == [
        f"{place / 'metrics.json'} was changed after the run had finished. Put the files back as they were, or delete "
        f"{place} and make the run again."
    ]
    shutil.rmtree(folder / "runs")
    assert refusal(folder) == [f"{folder} lacks runs/, which a merge writes. Copy it from there, or merge again."]
    for held in (merged / "soup", merged / "run0"):
        assert refusal(held, run=str(merged / "run1")) == [
            f"--run names the run of a model's extractor, and {held} holds none. Leave it out."
        ]
    assert loopback_hub.repositories == {}


@pytest.mark.parametrize("name", ["soup", "run0/wise_ft"])
def test_words_of_the_runs_texts_stop_the_push(loopback_hub: Hub, merged: Path, tmp_path: Path, name: str) -> None:
    text = json.loads((merged / "target" / "test.jsonl").read_text().splitlines()[0])["text"]
    folder = Path(shutil.copytree(merged / name, tmp_path / "merged"))
    config = json.loads((folder / "model" / "config.json").read_text())
    config["id2label"]["0"] = " ".join(text.split()[:8])
    (folder / "model" / "config.json").write_text(json.dumps(config))
    write_manifest(folder / "model")
    assert refusal(folder)[0].startswith("config.json, line 1: 8 words that stand in the corpus: ")
    assert loopback_hub.repositories == {}


def test_a_corpus_that_is_gone_stops_the_push(loopback_hub: Hub, merged: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(merged, tmp_path / "all"))
    place = folder / "soup" / "runs" / "2" / "run.json"
    record = json.loads(place.read_text())
    record["config"]["source"] = {"path": "/nowhere/corpus"}
    record["inputs"].pop("source corpus")
    place.write_text(json.dumps(record))
    (problem,) = refusal(folder / "soup")
    assert problem.startswith("The texts of the run cannot be read again (")
    assert problem.endswith("or pass --skip_overlap_check if you have looked yourself.")


def test_the_command(loopback_hub: Hub, merged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(merged / "soup", tmp_path / "soup"))
    assert main(["push", str(folder), "ada/clauses", "--dry_run"]) == 0
    shown = capsys.readouterr().out
    assert "Stays here: report.md, runs/.\nThe scan lets it pass. Nothing was sent.\n" in shown
    assert "model.safetensors" in shown and "all scores" in shown
    assert loopback_hub.asked == []
    assert main(["push", str(merged / "run0" / "wise_ft"), "ada/clauses"]) == 0
    assert capsys.readouterr().out.startswith("Pushing 7 files, 0.1 MB, to ada/clauses.\n")
