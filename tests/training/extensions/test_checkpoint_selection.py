"""Checkpoints chosen by the target's texts alone."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.methods import DANN, MMD
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.model_selection import (
    deep_embedded_validation,
    density_ratios,
    infomax,
    mean_entropy,
    soft_neighborhood_density,
)
from nlp_transfer.training.extensions.checkpoint_selection import MAX_ROWS, CheckpointSelection, evenly_spaced_rows
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.stand_in import attached, stand_in

LABELLED = random_rows(15, seed=9)
TARGET = without_labels(LABELLED)
VALIDATION = random_rows(9, seed=2)


def trainer(folder: Path, metric: str, methods: tuple[Method, ...] = (), **given: Any) -> TransferTrainer:
    arguments: dict[str, Any] = {
        "output_dir": str(folder / "run"),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 4,
        "learning_rate": 1e-2,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": metric,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 5,
    }
    target, validation = given.pop("target_dataset", TARGET), given.pop("eval_dataset", VALIDATION)
    return TransferTrainer(
        tiny_model("bert"),
        TransferArguments(**{**arguments, **given}),
        collate,
        train_dataset=random_rows(12, seed=1),
        eval_dataset=validation,
        target_dataset=target,
        methods=methods,
    )


def outputs(run: TransferTrainer, rows: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pooled features, logits and losses, one row at a time."""
    model: Any = run.model
    pooled: list[torch.Tensor] = []
    handle = model.classifier.register_forward_pre_hook(lambda module, args: pooled.append(args[0]))
    model.eval()
    with torch.no_grad():
        made = [model(**collate([row])) for row in rows]
    handle.remove()
    logits = torch.cat([one.logits for one in made])
    return torch.cat(pooled).numpy(), logits.numpy(), torch.stack([one.loss for one in made]).numpy()


@pytest.mark.parametrize("methods", [(), (DANN(), MMD())])
def test_each_evaluation_has_the_scores_of_the_model_as_it_is(methods: tuple[Method, ...], tmp_path: Path) -> None:
    run = trainer(tmp_path, "target_infomax", methods)
    run.train()
    entries = [entry for entry in run.state.log_history if "eval_target_infomax" in entry]
    assert len(entries) == 4
    assert len({entry["eval_target_entropy"] for entry in entries}) == 4
    found = run.evaluate()
    _, logits, _ = outputs(run, LABELLED)
    probabilities = torch.from_numpy(logits).softmax(-1).numpy()
    assert found["eval_target_infomax"] == pytest.approx(infomax(probabilities), abs=1e-5)
    assert found["eval_target_entropy"] == pytest.approx(mean_entropy(probabilities), abs=1e-5)
    assert found["eval_target_density"] == pytest.approx(soft_neighborhood_density(probabilities), abs=1e-3)
    assert "eval_target_dev" not in found
    assert "eval_loss" in found


@pytest.mark.parametrize(
    ("metric", "best"), [("target_entropy", min), ("target_infomax", max), ("target_density", max)]
)
def test_the_checkpoint_is_the_one_that_the_score_prefers(metric: str, best: Any, tmp_path: Path) -> None:
    run = trainer(tmp_path, metric)
    run.train()
    values = {entry["step"]: entry[f"eval_{metric}"] for entry in run.state.log_history if f"eval_{metric}" in entry}
    assert len(set(values.values())) > 1
    assert run.state.best_metric == best(values.values())
    assert run.evaluate()[f"eval_{metric}"] == pytest.approx(run.state.best_metric, abs=1e-6)


def test_the_weighted_risk_needs_the_source_and_is_what_its_parts_make(tmp_path: Path) -> None:
    run = trainer(tmp_path, "target_dev", num_train_epochs=1)
    run.train()
    found = run.evaluate()["eval_target_dev"]
    train, target, (pooled, _, losses) = (outputs(run, rows) for rows in (run.train_dataset, LABELLED, VALIDATION))
    expected = deep_embedded_validation(losses, density_ratios(train[0], target[0], pooled))
    assert found == pytest.approx(expected, rel=1e-3)
    assert run.args.greater_is_better is False


def test_source_labels_choose_as_before_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    run = trainer(tmp_path, "loss", target_dataset=None)
    run.train()
    assert not [entry for entry in run.state.log_history if any("target" in name for name in entry)]


def test_target_labels_a_missing_target_and_one_too_small(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="target_dataset has labels, and target_entropy must not see them"):
        trainer(tmp_path, "target_entropy", target_dataset=LABELLED)
    with pytest.raises(ConfigError, match="target_dataset is missing: target_entropy needs text of the target domain"):
        trainer(tmp_path, "target_entropy", target_dataset=None)
    with pytest.raises(
        ConfigError, match=r"target_density, which compares texts .* target_dataset has fewer than 3 texts"
    ):
        trainer(tmp_path, "target_density", target_dataset=TARGET.select([0, 1])).train()
    trainer(tmp_path, "target_entropy", target_dataset=TARGET.select([0, 1])).train()


@pytest.mark.parametrize(("judging", "passes"), [(None, 1), (LABELLED, 2)])
def test_rows_that_judge_are_computed_besides_those_that_choose(judging: Any, passes: int, tmp_path: Path) -> None:
    run = trainer(tmp_path, "target_infomax", num_train_epochs=1)
    run.train()
    assert run.context is not None
    found = run.evaluate()
    run.context = replace(run.context, target_validation=judging)
    rows: list[int] = []
    model: Any = run.model
    handle = model.register_forward_hook(lambda module, args, output: rows.append(len(output.logits)))
    again = run.evaluate()
    handle.remove()
    assert rows.count(len(LABELLED)) == passes
    assert again["eval_target_infomax"] == found["eval_target_infomax"]
    assert ("eval_target_macro_f1" in again) == (judging is not None)


def test_a_target_too_small_for_scores_is_judged_without_them(tmp_path: Path) -> None:
    run = trainer(tmp_path, "loss", methods=(DANN(),), target_dataset=TARGET.select([0, 1]), num_train_epochs=1)
    assert run.context is not None
    run.context = replace(run.context, target_validation=LABELLED.select([0, 1]))
    found = run.evaluate()
    assert {name for name in found if "target" in name} == {"eval_target_macro_f1"}


def test_a_score_that_nothing_computes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"metric_for_best_model: Unknown score 'target_infomx'\. Did you mean 'targ"):
        trainer(tmp_path, "target_infomx", methods=(DANN(),))
    with pytest.raises(ConfigError, match="target_macro_f1, which is computed of labelled validation rows of the targ"):
        trainer(tmp_path, "eval_target_macro_f1", methods=(DANN(),))
    parts = {"books": VALIDATION, "dvd": VALIDATION}
    with pytest.raises(
        ConfigError,
        match=r"is target_infomax, a score of the target, and eval_dataset has 2 parts \(books, dvd\)\. Give one",
    ):
        trainer(tmp_path, "target_infomax", methods=(DANN(),), eval_dataset=parts)


def test_rows_are_spread_over_the_split() -> None:
    rows = random_rows(10)
    assert evenly_spaced_rows(rows, 10) is rows
    assert MAX_ROWS > 1000
    assert evenly_spaced_rows(rows, 4)["length"] == [rows["length"][i] for i in (0, 3, 6, 9)]


def test_only_evaluations_that_may_choose_a_checkpoint_score_the_target():
    selection = attached(CheckpointSelection(), stand_in(args={"metric_for_best_model": "target_infomax"}))
    output = SimpleNamespace(metrics={})
    assert selection.evaluate(output, "test") is output
    with pytest.raises(ConfigError, match="which is computed of target text: give target_dataset"):
        selection.evaluate(output, "eval")
