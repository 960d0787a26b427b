"""The plans that suit a corpus, as experiments."""

from pathlib import Path
from typing import Any

import pytest

from nlp_transfer.commands.plans import FEW_ROWS, GIVEN, PLANS, experiments, with_plan
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.config.run_defaults import HEAD_LEARNING_RATE
from nlp_transfer.methods import FullFineTuning, LoRA
from nlp_transfer.training.setup import load_corpora
from tests.tiny_runs import run_tree

SHORT = ["frozen_encoder", "full_fine_tuning, 1e-4", "contrastive", "full_fine_tuning", "lora", "partial_fine_tuning"]


def made(config: Experiment, read: float = 1.0) -> dict[str, Experiment]:
    return experiments(config, load_corpora(config)[0]["source"], read)


@pytest.fixture
def tree(encoder: Path, corpus: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "model": str(encoder),
        "source": {"path": str(corpus)},
        "task": {"max_length": 32},
        "training": {"output_dir": str(tmp_path / "run"), "seed": 7},
    }


def test_plans_have_neither_test_rows_nor_a_target(tree: dict[str, Any], corpus: Path) -> None:
    config = load_config(tree={**tree, "target": {"path": str(corpus / "test.jsonl")}, "methods": ["lora", "mmd"]})
    found = made(config)
    assert list(found) == SHORT  # an adapting configuration is no plan of its own
    for one in found.values():
        assert one.target is None
        assert set(one.source.data) == {"train", "validation"}
        assert one.training.seed == 7
    assert [one.baseline_names for one in found.values()] == [("tfidf_svm",)] + [()] * 5


def test_each_plan_has_its_own_learning_rate(tree: dict[str, Any]) -> None:
    found = made(load_config(tree=tree))
    rates = {name: one.training.learning_rate for name, one in found.items() if one.methods[0].trains}
    assert rates == {
        "full_fine_tuning": 5e-5,
        "lora": 5e-4,
        "full_fine_tuning, 1e-4": 1e-4,
        "partial_fine_tuning": 5e-5,
    }
    full = [one.methods[0] for one in found.values() if isinstance(one.methods[0], FullFineTuning)]
    assert [method.head_learning_rate for method in full] == [HEAD_LEARNING_RATE] * 2


def test_the_configuration_is_a_plan_if_it_is_none_of_the_others(tree: dict[str, Any]) -> None:
    tree["methods"] = [{"name": "lora", "r": 4}]
    tree["training"] |= {"learning_rate": 1e-3, "num_train_epochs": 2}
    found = made(load_config(tree=tree))
    assert list(found) == [SHORT[0], GIVEN, *SHORT[1:]]
    assert found[GIVEN].methods == (LoRA(r=4),)
    assert found[GIVEN].training.learning_rate == 1e-3
    assert {one.training.num_train_epochs for one in found.values()} == {2}
    del tree["methods"], tree["training"]["learning_rate"]
    assert GIVEN not in made(load_config(tree=tree))


def test_windows_are_tried_where_much_is_cut(tree: dict[str, Any]) -> None:
    config = load_config(tree=tree)
    windowed = [plan.name for plan in PLANS if plan.windows]
    assert [name for name in made(config, read=0.85) if name not in SHORT] == windowed
    assert made(config, read=0.85)[windowed[0]].task.long_documents == "windows"
    assert list(made(config, read=0.95)) == SHORT
    tree["task"] |= {"long_documents": "windows", "pooling": "max"}
    assert not set(windowed) & set(made(load_config(tree=tree), read=0.85))


def test_contrastive_training_is_for_few_rows(tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.commands.plans.FEW_ROWS", 10)
    assert FEW_ROWS == 2000
    assert "contrastive" not in made(load_config(tree=tree))


def test_a_metric_of_the_target_is_left_out(encoder: Path, corpus: Path, tmp_path: Path) -> None:
    tree = run_tree(encoder, corpus, tmp_path / "run", metric_for_best_model="target_infomax")
    tree |= {"target": {"path": str(corpus / "test.jsonl")}, "methods": ["full_fine_tuning", "mmd"]}
    config = with_plan(load_config(tree=tree), next(plan for plan in PLANS if plan.trains))
    assert config.training.metric_for_best_model == "macro_f1"
