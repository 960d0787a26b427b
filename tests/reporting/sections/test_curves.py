"""Loss and learning curves of a run's log."""

from types import SimpleNamespace

from nlp_transfer.reporting.sections.curves import MAX_POINTS, curves, logged


def run_with(history, primary="macro_f1", best=None):
    state = SimpleNamespace(log_history=history, best_global_step=best)
    return SimpleNamespace(trainer=SimpleNamespace(state=state), task=SimpleNamespace(primary_metric=primary))


HISTORY = [
    {"step": 1, "loss": 2.0},
    {"step": 2, "loss": 1.5},
    {"step": 2, "eval_loss": 1.75, "eval_macro_f1": 0.5, "eval_target_macro_f1": 0.25},
    {"step": 4, "eval_loss": 1.25, "eval_macro_f1": 0.625, "eval_target_macro_f1": 0.125},
]


def test_losses_and_scores_by_step():
    loss, score = curves(run_with(HISTORY, best=4)).blocks
    assert loss.chart.lines == {"training": [[1, 2.0], [2, 1.5]], "validation": [[2, 1.75], [4, 1.25]]}
    assert loss.alt == "loss by step: training from 2.000 to 1.500, validation from 1.750 to 1.250"
    assert score.chart.lines == {"source validation": [[2, 0.5], [4, 0.625]], "target": [[2, 0.25], [4, 0.125]]}
    assert (score.chart.y, score.chart.marked) == ("macro-F1", 4)


def test_masked_words_have_a_curve_of_perplexity():
    history = [{"step": step, "eval_perplexity": 100.0 / step} for step in (1, 2)]
    (score,) = curves(run_with(history, "perplexity")).blocks
    assert score.alt == "perplexity by step: source validation from 100.00 to 50.00"


def test_one_point_is_no_curve():
    assert curves(run_with([{"step": 1, "loss": 1.0, "eval_loss": 2.0}])) is None
    assert curves(run_with([])) is None


def test_many_points_are_thinned_and_the_last_is_kept():
    points = logged([{"step": step, "loss": 1.0} for step in range(1, 100_002)], "loss")
    assert len(points) <= MAX_POINTS and points[-1] == [100_001, 1.0]
