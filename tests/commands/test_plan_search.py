"""Which plans are run for how long: by pretended runs that take a known time and have a known score."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nlp_transfer.commands import plan_search
from nlp_transfer.commands.plan_search import PlanSearch, SearchState
from nlp_transfer.commands.plans import GIVEN
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, RunInterrupted, TrainingError

SCORES = {"frozen_encoder": 0.6, "contrastive": 0.5, "lora": 0.8, "partial_fine_tuning": 0.7}
"""Of the plans; others have 0.4."""

Make = Callable[..., PlanSearch]


@pytest.fixture
def pretended(encoder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make searches whose runs take 10 seconds, and 10 more an epoch."""
    clock = [0.0]

    def run(plan: Any, resume: bool, stop_signals: Any) -> Any:
        name = Path(plan.training.output_dir).name
        if name.startswith("full_fine_tuning_1e-4"):
            raise TrainingError("The loss is not finite.")
        trained = 10.0 * plan.training.num_train_epochs if re.search(r"_\d+$", name) else 0.0
        clock[0] += 10 + trained
        score = SCORES.get(re.sub(r"_\d+$", "", name), 0.4)
        metrics = {"source": {"validation": {"macro_f1": score}}}
        return SimpleNamespace(metrics=metrics, cost=SimpleNamespace(train_seconds=trained))

    monkeypatch.setattr(plan_search.runner, "run", run)
    monkeypatch.setattr(plan_search.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(plan_search, "MIN_STEPS", 0)
    training = {"output_dir": str(tmp_path / "run"), "num_train_epochs": 9}
    tree = {"model": str(encoder), "source": {"path": str(corpus)}, "task": {"max_length": 32}, "training": training}

    def make(budget: float, *, resume: bool = False, **changes: Any) -> PlanSearch:
        config = load_config(tree={**tree, **changes})
        state = SearchState.open(config, str(tmp_path / "out"), resume=resume)
        search = PlanSearch(config, state, budget)
        search.run()
        return search

    return make


def epochs(search: PlanSearch) -> dict[str, float | None]:
    return {name: one.epochs and round(one.epochs, 2) for name, one in search.tried.items()}


def test_the_likeliest_are_trained_in_full_while_there_is_time(pretended: Make) -> None:
    search = pretended(300.0)
    assert epochs(search) == {"frozen_encoder": None, "contrastive": None, "full_fine_tuning": 9, "lora": 9}
    # 10 + 10 without gradients, 20 for an epoch that is timed, 100 for each in full; 60 are left
    assert search.spent == 20 + 20 + 2 * 100
    assert search.failed == {"full_fine_tuning, 1e-4": "The loss is not finite."}


def test_with_much_time_all_are_trained_in_full(pretended: Make) -> None:
    search = pretended(1000.0)
    assert {value for value in epochs(search).values() if value} == {9}
    assert search.spent == 20 + 20 + 3 * 100


def test_without_time_for_one_the_better_ones_are_trained_for_longer(pretended: Make) -> None:
    search = pretended(130.0)
    assert epochs(search) == {
        "frozen_encoder": None,
        "contrastive": None,
        "full_fine_tuning": 1,
        "lora": 3,
        "partial_fine_tuning": 1,
    }
    assert search.spent == 20 + 3 * 20 + 40


def test_where_windows_help_a_frozen_encoder_they_come_second(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for score in (0.5, 0.7):  # that of the frozen encoder is 0.6
        monkeypatch.setitem(SCORES, "frozen_encoder_windows", score)
        search = pretended(10_000.0, resume=score > 0.6, task={"max_length": 8})
        trained = [name for name in search.tried if not name.startswith("frozen_encoder")]
        # the first, at 1e-4, fails
        assert trained.index("full_fine_tuning, windows") == (0 if score > 0.6 else len(trained) - 1)
        assert list(search.failed) == ["full_fine_tuning, 1e-4"]
        shutil.rmtree(search.state.folder / "runs", ignore_errors=True)


def test_windows_are_expected_to_take_as_much_longer_as_they_read(pretended: Make) -> None:
    search = pretended(10_000.0, task={"max_length": 8})
    search.tried = {"full_fine_tuning": search.tried["full_fine_tuning"]}
    assert search._predicted("lora") == 100
    assert search._predicted("full_fine_tuning, windows") == pytest.approx(100 / search._read)
    assert 0.1 < search._read < 0.9


def test_with_little_time_the_likeliest_are_tried(pretended: Make) -> None:
    search = pretended(45.0)
    assert epochs(search) == {"frozen_encoder": None, "contrastive": None, "full_fine_tuning": 1}
    assert epochs(pretended(1.0, resume=True)) == {"frozen_encoder": None}  # a shorter budget runs no more


def test_no_time_at_all_tries_one(pretended: Make) -> None:
    assert epochs(pretended(0.001)) == {"frozen_encoder": None}


def test_parts_of_few_steps_are_left_out(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_search, "MIN_STEPS", 20)  # 9 epochs of 5 steps: a third has 15, the whole 45
    search = pretended(130.0)  # the third of lora's epochs is left out, too; there is no time for all of them
    assert epochs(search) == {"frozen_encoder": None, "contrastive": None, "full_fine_tuning": 1}


def test_resuming_decides_alike(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pretended(35.0)  # and more than that is spent
    assert before.spent == 40
    monkeypatch.setattr(plan_search.time, "perf_counter", lambda: 0.0)  # finished runs take no time
    after = pretended(35.0, resume=True)
    assert after.tried == before.tried
    assert after.spent == before.spent
    with pytest.raises(CheckpointError, match="holds a recommendation"):
        pretended(300.0)
    with pytest.raises(CheckpointError, match=r"is of another configuration \(task.max_length: 32 -> 16\)"):
        pretended(300.0, resume=True, task={"max_length": 16})


def test_without_validation_rows(pretended: Make, corpus: Path) -> None:
    few = {"path": str(corpus), "shots": 2}
    with pytest.raises(ConfigError, match=r"no validation rows to compare plans on.*few_shot"):
        pretended(300.0, source=few)
    pretended(20.0)  # nothing was left in the output folder


def test_one_that_was_stopped_in_its_first_run_goes_on(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(plan: Any, **_: Any) -> Any:
        raise RunInterrupted("SIGTERM: stopped.")

    with monkeypatch.context() as patch, pytest.raises(RunInterrupted):
        patch.setattr(plan_search.runner, "run", stopped)
        pretended(300.0)
    assert pretended(300.0, resume=True).spent == 240


def test_the_seconds_of_an_interrupted_part_count(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 7.0])

    def stopped(plan: Any, **_: Any) -> Any:
        raise RunInterrupted("SIGTERM: stopped.")

    with monkeypatch.context() as patch, pytest.raises(RunInterrupted):
        patch.setattr(plan_search.runner, "run", stopped)
        patch.setattr(plan_search.time, "perf_counter", lambda: next(clock))
        pretended(5.0)
    assert pretended(5.0, resume=True).spent == 17


def test_where_each_plan_fails_there_is_none(pretended: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(plan: Any, **_: Any) -> Any:
        raise TrainingError("The loss is not finite.")

    monkeypatch.setattr(plan_search.runner, "run", failing)
    search = pretended(300.0)
    assert search.tried == {}
    assert set(search.failed) == set(search.plans)


def test_methods_of_the_target_are_named(pretended: Make, corpus: Path) -> None:
    target = {"target": {"path": str(corpus / "test.jsonl")}, "methods": ["full_fine_tuning", "mmd"]}
    assert pretended(1.0, **target).failed == {
        GIVEN: "its methods (by default adapt) learn from the target, and plans are compared on the source"
    }


def test_the_frozen_ones_do_not_eat_the_budget(pretended: Make) -> None:
    assert "frozen_encoder, windows" not in pretended(50.0, task={"max_length": 8}).tried
