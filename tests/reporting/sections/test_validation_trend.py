"""Alert where the last epoch was the best by far."""

from types import SimpleNamespace

import pytest

from nlp_transfer.reporting.sections.validation_trend import validation_trend
from tests.reporting.sections.reports import alerts_of


def run_with(scores, metric="macro_f1", max_steps=-1):
    history = [entry for score in scores for entry in ({"loss": 1.0}, {f"eval_{metric}": score})]
    args = SimpleNamespace(metric_for_best_model=metric, max_steps=max_steps, num_train_epochs=5.0)
    return SimpleNamespace(trainer=SimpleNamespace(args=args, state=SimpleNamespace(log_history=history)))


def test_a_rise_in_the_last_epoch_is_reported_with_what_to_set():
    assert alerts_of(validation_trend(run_with([0.4, 0.5162, 0.5361]))) == [
        "Validation was still getting better when training ended: macro-F1 0.536, after 0.516. Train longer: set "
        "training.num_train_epochs above 5, and another training.output_dir."
    ]
    (alert,) = alerts_of(validation_trend(run_with([0.4, 0.5], max_steps=30)))
    assert "set training.max_steps above 30," in alert


def test_a_falling_loss_gets_better_too():
    (alert,) = alerts_of(validation_trend(run_with([2.0, 1.5], metric="loss")))
    assert "loss 1.500, after 2.000" in alert


@pytest.mark.parametrize(
    "scores",
    [[], [0.9], [0.5, 0.6, 0.55], [0.5, 0.6, 0.6], [0.6, 0.605], [0.0, 0.0]],
)
def test_nothing_is_reported_where_the_last_epoch_is_not_better_by_a_hundredth(scores):
    assert validation_trend(run_with(scores)) is None


def test_nothing_is_reported_without_a_metric_that_selects():
    assert validation_trend(run_with([0.5, 0.9], metric=None)) is None
