"""Train where the source has no validation split, as with few labels: all rows are learned from, and none select."""

import copy
from collections.abc import Collection, Iterator

from nlp_transfer.data.corpus import calibration_split
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks import FittedTask
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.extensions.checkpoint_selection import label_free_metric
from nlp_transfer.training.target_data import selects_by_target_labels

NOTE = (
    "There is no validation split: training by gradient keeps its last epoch, and a fitted head is fixed or chosen by "
    "cross-validation."
)
UNCALIBRATED = "Probabilities are not calibrated: there are no rows for it that are not learned from."


def validation_needs(experiment: ExperimentParts, task: FittedTask, splits: Collection[str]) -> Iterator[str]:
    """Yield the settings of an experiment that need validation rows, or other rows to calibrate on."""
    if calibration_split(splits) not in splits:
        yield from task.calibration_needs
    if not experiment.task.provides & {Output.LOGITS, Output.NUMBERS}:
        yield f"task {experiment.task.name}"
    if getattr(experiment, "search", None):
        yield "search"
    if experiment.training.early_stopping_patience is not None:
        yield "training.early_stopping_patience"
    asked = not experiment.training.metric_is_default  # a default is left out, with the evaluations
    if (label_free_metric(experiment.training) and asked) or selects_by_target_labels(experiment):
        yield f"training.metric_for_best_model: {experiment.training.metric_for_best_model}"
    for method in active_methods(experiment.methods):
        yield from (f"methods.{method.name}.{setting}" for setting in method.needs_validation)
    for name in ("log_target_scores", "prior_correction"):
        if getattr(experiment, name):
            yield name


def without_evaluation(arguments: TransferArguments) -> TransferArguments:
    """Return arguments that evaluate nothing while training, and keep the last weights."""
    other = copy.copy(arguments)
    other.eval_strategy = type(other.eval_strategy)("no")
    other.load_best_model_at_end, other.metric_for_best_model = False, None
    return other
