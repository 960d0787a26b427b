"""A recommendation as a value and as files, and what it is refused for."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nlp_transfer import Experiment, load, recommend, run
from nlp_transfer.commands.recommendation import _short_record
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from tests.tiny_runs import run_tree


@pytest.fixture
def tree(encoder: Path, corpus: Path, tmp_path: Path) -> dict[str, Any]:
    return run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)


def test_what_a_recommendation_leaves(tree: dict[str, Any], tmp_path: Path) -> None:
    own = {"prior_correction": True, "target": {"path": tree["source"]["path"]}, "methods": ["full_fine_tuning"]}
    config = load_config(tree={**tree, **own})
    found = recommend(config, budget_minutes=0.001, output=str(tmp_path / "out"))
    assert found.plan == "frozen_encoder"
    assert set(found.not_tried.values()) == {"no time within the budget"}
    assert str(found).startswith("# Recommendation\n")
    assert f"Take **frozen_encoder**: expected macro-F1 {found.choice.expected:.3f}" in str(found)
    assert "Without a score:\n\n- " in str(found)
    assert "- lora: no time within the budget" in str(found)
    assert found._repr_markdown_() == str(found)
    assert set(found.paths) == {"page", "report", "plan"}
    assert "Plans on the validation rows" in Path(found.paths["page"]).read_text()
    chosen = load_config(found.paths["plan"])
    assert chosen.record() == found.experiment.record()
    assert chosen.source == config.source
    assert chosen.prior_correction
    assert chosen.target is not None
    plan = Path(found.paths["plan"]).read_text()
    assert plan.startswith("# frozen_encoder: expected macro-F1 ")
    assert "label_smoothing" not in plan  # a default
    assert f"The baseline tfidf_svm has {found.baseline:.3f} on them." in str(found)
    assert "It was compared with no other plan: give more minutes." in str(found)
    assert len(repr(found)) < 2000
    assert str(chosen.training.output_dir) == str(tmp_path / "run")
    report = run(chosen)
    assert report is not None
    assert report.metrics["source"]["validation"]["macro_f1"] == pytest.approx(found.tried[0].score)
    assert load(tmp_path / "run").predict(["use copy modify"])
    again = recommend(config, budget_minutes=0.001, output=str(tmp_path / "out"), resume=True)
    assert (again.plan, again.choice, again.tried) == (found.plan, found.choice, found.tried)


def test_a_short_record_is_the_same_experiment(tree: dict[str, Any]) -> None:
    method = {"name": "peft", "peft_type": "IA3", "settings": {"target_modules": ["key"], "feedforward_modules": []}}
    windows = {**tree["task"], "long_documents": "windows", "pooling": "max", "max_length": 40}
    experiment = load_config(tree={**tree, "methods": [method], "task": windows, "report_examples": 2})
    short = _short_record(experiment)
    assert load_config(tree=short).record() == experiment.record()
    assert short["task"] == {
        "name": "sequence_classification",
        "max_length": 40,
        "long_documents": "windows",
        "pooling": "max",
    }


def test_rows_in_memory(tree: dict[str, Any], tmp_path: Path) -> None:
    frame = pd.concat(pd.read_json(file, lines=True) for file in sorted(Path(tree["source"]["path"]).glob("*.jsonl")))
    config = Experiment(tree["model"], frame, tree["training"], task=tree["task"])
    found = recommend(config, budget_minutes=0.001, output=str(tmp_path / "out"))
    assert set(found.paths) == {"page", "report"}
    assert "nlp_transfer.run(found.experiment) trains the plan" in str(found)
    report = run(found.experiment)
    assert report is not None
    assert report.metrics["source"]["test"]["rows"] > 0


def test_an_experiment_is_expected() -> None:
    wrong: Any = "my.yaml"
    with pytest.raises(ConfigError, match=r"expected an Experiment: recommend\(load_config"):
        recommend(wrong)


def test_the_test_rows_are_in_no_run(tree: dict[str, Any], tmp_path: Path) -> None:
    found = recommend(load_config(tree=tree), budget_minutes=0.001, output=str(tmp_path / "out"))
    metrics = (found.tried[0].folder / "metrics.json").read_text()
    assert '"validation"' in metrics
    assert '"test"' not in metrics


@pytest.mark.parametrize(
    ("changes", "budget", "message"),
    [
        ({"search": {"training.learning_rate": [1e-5, 1e-4]}}, 1.0, "Leave it out: recommend compares plans"),
        ({}, 0.0, r"budget_minutes is 0; expected more than 0\."),
        (
            {"task": "masked_language_modeling", "training": {"output_dir": "runs/mlm"}},
            1.0,
            "needs a task with classes of texts",
        ),
    ],
)
def test_what_is_refused(
    tree: dict[str, Any], tmp_path: Path, changes: dict[str, Any], budget: float, message: str
) -> None:
    config = load_config(tree={**tree, **changes})
    with pytest.raises(ConfigError, match=message):
        recommend(config, budget_minutes=budget, output=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
