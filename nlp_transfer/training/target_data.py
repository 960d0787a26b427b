"""Choose the target rows that training may see, and check them before it begins."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from nlp_transfer.data.corpus import with_corpus_name
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.data.validation.row_kinds import ROW_KINDS
from nlp_transfer.errors import DataError
from nlp_transfer.methods import Adapt
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.context import Context
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.models.outputs import Output
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.target_checks import check_adaptation, needs_target

Encoded = dict[str, dict[str, Dataset]]
"""{domain: {split: encoded rows}}"""

MAX_REPETITIONS = 20
"""Maximum number of times that a target text comes in an epoch without a note."""


NOT_LEARNED = (
    "The target is scored, and no method learns from its texts. To adapt to them: methods: [full_fine_tuning, adapt]."
)
"""Note on a run with a target that could adapt."""


_SPLITS = "Give target.path a folder with train, dev and test files, or set target.split.method: near_duplicate."


class AdaptationRows(NamedTuple):
    """Hold the target rows that training sees, labelled if a method asks for that, and a note for the user."""

    rows: Dataset | None
    note: str = ""


def target_method_names(experiment: ExperimentParts) -> str:
    """Return the names of the methods that learn from the target, as text."""
    return " and ".join(method.name for method in active_methods(experiment.methods))


def check_run_target(
    experiment: ExperimentParts, encoded: Encoded, tokenizer: PreTrainedTokenizerBase
) -> AdaptationRows:
    """Check what would stop an adapting run later, after its source-only baseline; return `adaptation_rows`."""
    name, seen = _target(experiment), adaptation_rows(experiment, encoded)
    others = _selection_problems(experiment, encoded, name)
    train = training_rows(encoded)
    check_adaptation(
        experiment.methods, experiment.training, seen.rows, train, tokenizer=tokenizer, name=name, others=others
    )
    return seen


def _selection_problems(experiment: ExperimentParts, encoded: Encoded, target: str) -> list[str]:
    """Return what keeps evaluations from scoring the target, one message each."""
    problems = []
    if selects_by_target_labels(experiment):
        splits = encoded["target"]
        if "validation" not in splits or "labels" not in splits["validation"].column_names:
            found = f"{target} has no validation split with labels (splits found: {', '.join(splits)})."
            problems.append(f"training.metric_for_best_model is {TARGET_MACRO_F1}. {found} {_SPLITS}")
    rows = target_validation_rows(experiment, encoded) if experiment.log_target_scores and not problems else None
    if rows is not None and "labels" not in rows.column_names:
        problems.append(f"log_target_scores scores the target by its labels. {target} has none. Leave it out.")
    return problems


def _target(experiment: ExperimentParts) -> str:
    """Return the target with its path or id, as the subject of a message."""
    return f"The target ({experiment.target.place})" if experiment.target is not None else "The target"


def adaptation_split(splits: Mapping[str, Dataset]) -> str:
    """Return the target's split whose texts training sees; raise DataError where it is not clear which."""
    for name in ("unlabeled", "train"):
        if name in splits:
            return name
    if len(splits) > 1:
        raise DataError(
            f"The target has the splits {' and '.join(splits)}, and none to train on. Name one: "
            "target.splits: {unlabeled: dev, …}."
        )
    return next(iter(splits))


def adaptation_rows(experiment: ExperimentParts, encoded: Encoded) -> AdaptationRows:
    """Return the target rows that training sees; raise DataError where there are none.

    They are the split `unlabeled`, else `train`, else all that a target of one file has. Where labels are asked for,
    they are `train`, so that what is scored at the end was not learned from.
    """
    if not needs_target(experiment.methods, experiment.training):
        can_adapt = "target" in encoded and Adapt.needs.outputs <= experiment.task.provides
        return AdaptationRows(None, NOT_LEARNED if can_adapt else "")
    splits = encoded["target"]
    asking = next((method for method in experiment.methods if method.needs.target_labels), None)  # never two
    if asking is not None:
        if "train" not in splits or "labels" not in splits["train"].column_names:
            column = ROW_KINDS[experiment.task.columns.kind].labels or "label"
            noun, column = ("numbers", "value") if Output.NUMBERS in experiment.task.provides else ("labels", column)
            rows = "labelled target rows" if noun == "labels" else "target rows with numbers"
            advice = f"Name their column: target.columns: {{theirs: {column}}}." if "train" in splits else _SPLITS
            raise DataError(
                f"{_target(experiment)} has no training split with {noun} (splits found: {', '.join(splits)}), and "
                f"{asking.name} learns from {rows}. {advice}"
            )
        rest = " Its split unlabeled is not used." if "unlabeled" in splits else ""
        if "target" not in evaluation_splits(experiment, encoded):
            rest += " It has no other split: the model is not scored on the target."
        use = "are learned from, with their labels"
        if asking not in active_methods(experiment.methods):
            use = f"are {'seen without labels' if target_method_names(experiment) else 'left out'}: λ is 1 all along"
        return AdaptationRows(splits["train"], f"{len(splits['train']):,} target rows of split train {use}.{rest}")
    assert experiment.target is not None
    with with_corpus_name("target", experiment.target):
        split = adaptation_split(splits)
    which = f"of split {split}" if split in ("unlabeled", "train") else "(all of its one file)"
    turns = len(encoded["source"]["train"]) / max(1, len(splits[split])) if experiment.sources else 1
    few = f" They are few: each comes {turns:.0f} times an epoch." if turns > MAX_REPETITIONS else ""
    adapts = bool(target_method_names(experiment))
    use = "are seen in training," if adapts else "are looked at, not learned from,"
    note = f"{len(splits[split]):,} target rows {which} {use} without labels.{few if adapts else ''}"
    return AdaptationRows(without_labels(splits[split]), note)


def training_rows(encoded: Encoded) -> Dataset:
    """Return the rows that an epoch goes through: the source's or, without a source, the target's without labels."""
    if "train" in encoded["source"]:
        return encoded["source"]["train"]
    splits = encoded["target"]
    return without_labels(splits[adaptation_split(splits)])


def target_validation_rows(experiment: ExperimentParts, encoded: Encoded) -> Dataset | None:
    """Return the target rows that each evaluation scores by their labels, for selection or the log."""
    if selects_by_target_labels(experiment):
        return encoded["target"]["validation"]
    if experiment.log_target_scores:
        splits = evaluation_splits(experiment, encoded)["target"]
        return splits[scored_splits("target", splits)[0]]
    return None


def evaluation_splits(experiment: ExperimentParts, encoded: Encoded) -> Encoded:
    """Return the splits that are scored: not the target rows that a method learned from with labels."""
    if not any(method.needs.target_labels for method in experiment.methods):
        return encoded
    rest = {name: rows for name, rows in encoded["target"].items() if name != "train"}
    return {**encoded, "target": rest} if rest else {name: rows for name, rows in encoded.items() if name != "target"}


def tokens_an_epoch(context: Context, *, adapts: bool) -> float:
    """Return the tokens that an epoch computes: of training rows and, beside a source, as many target rows."""
    tokens = float(sum(context.train["length"]))
    if adapts and context.target is not None and context.target is not context.train:
        tokens += len(context.train) * float(np.mean(context.target["length"]))
    return tokens


def selects_by_target_labels(experiment: ExperimentParts) -> bool:
    """Return whether labels of the target's validation split select the checkpoint."""
    return str(experiment.training.metric_for_best_model or "").removeprefix("eval_") == TARGET_MACRO_F1
