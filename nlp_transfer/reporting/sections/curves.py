"""Draw a run's loss and its validation scores by optimizer step."""

from collections.abc import Mapping, Sequence
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
    figures = [
        Figure(Curves("optimizer step", name, lines, marked), f"{title}: {_ends(lines)}", caption)
        for title, name, lines, marked, caption in (
            ("Loss by step", "loss", _known(loss), None, "Mean training loss since the point before, and validation."),
            (f"{metric.title} by step", metric.title, _known(score), state.best_global_step, _CHOSEN),
        )
        if any(len(points) > 1 for points in lines.values())
    ]
    return Section("Training by step", tuple(figures)) if figures else None


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


def _ends(lines: Mapping[str, list[list[float]]]) -> str:
    return ", ".join(f"{name} from {number(points[0][1])} to {number(points[-1][1])}" for name, points in lines.items())
