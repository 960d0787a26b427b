"""Draw a run's loss and its validation scores by optimizer step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nlp_transfer.metrics.metric import number
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Figure, Section
from nlp_transfer.tasks.charts import Curves

MAX_POINTS = 200
"""Maximum number of points of a line."""


def curves(run: RunContext) -> Section | None:
    """Return the section with the loss curve and the learning curve; None where no step was logged."""
    state = run.trainer.state
    history = state.log_history
    metric = METRICS[run.task.primary_metric]
    loss = {"training": logged(history, "loss"), "validation": logged(history, "eval_loss")}
    score = {
        "source validation": logged(history, f"eval_{metric.name}"),
        "target": logged(history, f"eval_{TARGET_MACRO_F1}"),
    }
    by_loss = Curves("optimizer step", "loss", _known(loss))
    by_score = Curves("optimizer step", metric.title, _known(score), state.best_global_step)
    figures = [
        Figure(chart, f"{chart.y} by step: {_ends(chart, written)}", caption)
        for chart, written, caption in ((by_loss, number, _LOSS), (by_score, metric.format, _CHOSEN))
        if any(len(points) > 1 for points in chart.lines.values())
    ]
    return Section("Training by step", tuple(figures)) if figures else None


_LOSS = "Loss: of training, the mean since the point before; of validation, at each evaluation."

_CHOSEN = "Scores of each evaluation; the dashed line is the checkpoint that was kept, if one was chosen."


def logged(history: Sequence[Mapping[str, Any]], key: str) -> list[list[float]]:
    """Return [step, value] of the entries that have a key, the last one included, at most `MAX_POINTS`.

    Example:
        >>> logged([{"step": 1, "loss": 2.0}, {"step": 1, "eval_loss": 3.0}, {"step": 2, "loss": 1.5}], "loss")
        [[1, 2.0], [2, 1.5]]
    """
    points = [[entry["step"], round(float(entry[key]), 6)] for entry in history if entry.get(key) is not None]
    stride = -(-len(points) // MAX_POINTS) or 1
    return points[::-1][::stride][::-1]


def _known(lines: Mapping[str, list[list[float]]]) -> dict[str, list[list[float]]]:
    return {name: points for name, points in lines.items() if points}


def _ends(chart: Curves, written: Callable[[float | None], str]) -> str:
    ends = {name: (points[0][1], points[-1][1]) for name, points in chart.lines.items()}
    return ", ".join(f"{name} from {written(first)} to {written(last)}" for name, (first, last) in ends.items())
