"""Report whether validation was still rising when training ended."""

from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Alert, Section

MIN_GAIN = 0.01
"""Minimum gain of the last evaluation over the best one before it, as a share of that one."""


def validation_trend(run: RunContext) -> Section | None:
    """Return the section with the alert that more training may help; None where the last evaluation is not the best."""
    args = run.trainer.args
    metric = METRICS.get(str(args.metric_for_best_model or "").removeprefix("eval_"))
    if metric is None:
        return None
    key, sign = f"eval_{metric.name}", 1 if metric.greater_is_better else -1
    scores = [entry[key] for entry in run.trainer.state.log_history if key in entry]
    if len(scores) < 2:
        return None
    *earlier, last = scores
    before = max(earlier, key=lambda score: sign * score)
    if sign * (last - before) <= MIN_GAIN * abs(before):
        return None
    length = "max_steps" if args.max_steps > 0 else "num_train_epochs"
    now = f"{getattr(args, length):g}"
    return Section(
        "Validation at the end",
        (
            Alert(
                f"Validation was still getting better when training ended: {metric.title} {metric.format(last)}, after "
                f"{metric.format(before)}. Train longer: set training.{length} above {now}, and another "
                "training.output_dir."
            ),
        ),
    )
