"""Runs without validation rows: all labelled rows are learned from, and what needs others is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import load, run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import DataError
from nlp_transfer.reporting.sections.results import NOTHING_SCORED
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.without_validation import NOTE, without_evaluation
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("few")
    tiny_encoder(place / "encoder")
    write_corpus(place / "corpus")
    write_corpus(place / "several", multi_label=True)
    return place


def tree(folder: Path, output: Path, **changes: Any) -> dict[str, Any]:
    made = run_tree(folder / "encoder", folder / "corpus", output, num_train_epochs=2)
    made["source"] |= {"shots": 6, "draw": 1}
    for key, value in changes.items():
        made[key] = {**made[key], **value} if isinstance(made.get(key), dict) else value
    return made


@pytest.mark.parametrize("method", ["frozen_encoder", "full_fine_tuning", "lp_ft", "lora", "partial_fine_tuning"])
def test_every_method_learns_from_all_rows_and_is_scored_on_test(folder: Path, tmp_path: Path, method: str) -> None:
    report = run(load_config(tree=tree(folder, tmp_path / "run", methods=[method])))
    assert report is not None
    assert list(report.metrics["source"]) == ["test"]
    assert NOTE in report.corpora["source"].notes
    assert dict(report.headlines()) == {"source": "test"}
    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "accepted" not in written["source"]["test"]
    assert not any(section.title == "Decision" for section in report.findings)


def test_several_labels(folder: Path, tmp_path: Path) -> None:
    made = tree(folder, tmp_path / "run", methods=["frozen_encoder"], source={"path": str(folder / "several")})
    report = run(load_config(tree=made))
    assert report is not None
    assert set(report.thresholds.values()) == {0.5}


def test_what_needs_other_rows_is_named(folder: Path, tmp_path: Path) -> None:
    asked = {
        "task": {"decision": {"abstain": {"precision": 0.9}, "sets": {"coverage": 0.9}}},
        "training": {"load_best_model_at_end": True, "early_stopping_patience": 2, "eval_strategy": "epoch"},
    }
    with pytest.raises(DataError) as caught:
        run(load_config(tree=tree(folder, tmp_path / "run", methods=["full_fine_tuning"], **asked)))
    assert (
        "the source has no validation split (splits found: train, test), which is needed for "
        "task.decision.abstain.precision, task.decision.sets.coverage, training.early_stopping_patience. Give"
    ) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_calibration_split_is_enough_for_promises(folder: Path, tmp_path: Path) -> None:
    asked = {
        "task": {"decision": {"abstain": {"precision": 0.5, "confidence": 0.5}}},
        "source": {"path": str(folder / "corpus"), "shots": 12, "split": {"calibration": 0.1}},
    }
    report = run(load_config(tree=tree(folder, tmp_path / "run", methods=["frozen_encoder"], **asked)))
    assert report is not None
    (decision,) = [section for section in report.findings if section.title == "Decision"]
    assert "rows of source calibration" in decision.blocks[0].markdown  # type: ignore[union-attr]


def test_nothing_is_evaluated_or_chosen() -> None:
    given = TransferArguments("x", eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True)
    made = without_evaluation(given)
    assert (made.eval_strategy.value, made.save_strategy.value) == ("no", "epoch")
    assert not made.load_best_model_at_end
    assert given.load_best_model_at_end


DESCRIPTIONS = {"copyleft": "share alike source", "permissive": "any use", "public": "no rights"}


@pytest.mark.parametrize("method", ["prototypes", "contrastive", "frozen_encoder"])
def test_descriptions_alone_make_a_model_that_a_labelled_target_scores(
    folder: Path, tmp_path: Path, method: str
) -> None:
    made = tree(folder, tmp_path / "run", methods=[method], baselines=["chance", "majority"])
    made["source"] = {"descriptions": DESCRIPTIONS}
    made["target"] = {"path": str(folder / "corpus" / "test.jsonl")}
    report = run(load_config(tree=made))
    assert report is not None
    assert report.metrics["source"] == {}
    assert set(report.baselines) == {"chance", "majority"}
    assert "macro_f1_gain_low" in report.baselines["chance"]["target"]["test"]
    assert (tmp_path / "run" / "report.html").exists()


def test_descriptions_alone_without_a_target(folder: Path, tmp_path: Path) -> None:
    made = tree(folder, tmp_path / "run", methods=["prototypes"])
    made["source"] = {"descriptions": DESCRIPTIONS}
    report = run(load_config(tree=made))
    assert report is not None
    assert report.metrics == {"source": {}}
    assert NOTHING_SCORED in (tmp_path / "run" / "report.md").read_text()
    assert load(tmp_path / "run" / "model").label_names == sorted(DESCRIPTIONS)


@pytest.mark.parametrize(
    ("corpus", "task"),
    [("corpus", {}), ("several", {}), ("corpus", {"long_documents": "windows", "max_length": 8, "max_windows": 2})],
    ids=["one label", "several labels", "windows"],
)
def test_few_shot_chooses_in_a_run(folder: Path, tmp_path: Path, corpus: str, task: dict[str, Any]) -> None:
    made = tree(folder, tmp_path / "run", methods=["few_shot"], source={"path": str(folder / corpus)}, task=task)
    report = run(load_config(tree={**made, "baselines": ["majority"]}))
    assert report is not None
    facts = report.facts["few_shot"]
    assert facts["chosen"] in ("contrastive", "prototypes", "frozen_encoder")
    assert set(facts["scores"]) == {"contrastive", "prototypes", "frozen_encoder"}
    assert len(facts["lead"]) == 2
