"""Load, check and describe what a run reads, before anything is written."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset, disable_progress_bars
from transformers.utils import logging as transformers_logging

from nlp_transfer.data.encoding.token_coverage import unreadable_rows, unreadable_warning
from nlp_transfer.data.summary import describe
from nlp_transfer.models.loading import LoadedModel
from nlp_transfer.progress import is_terminal
from nlp_transfer.training.agreement import check_agreement
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.runtime import use_cores
from nlp_transfer.training.setup import RunData, load_data, load_model
from nlp_transfer.training.target_data import Encoded, check_run_target


@dataclass(frozen=True)
class PreparedRun:
    """Hold what a run reads, loaded and checked; warnings are for users of the model, notes for who starts the run."""

    data: RunData
    loaded: LoadedModel
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(experiment: ExperimentParts) -> PreparedRun:
    """Load and check what an experiment reads."""
    transformers_logging.disable_progress_bar()  # those for each saved file; the run's own bars stay
    if not is_terminal(sys.stderr):
        disable_progress_bars()
    if experiment.training.device.type == "cpu":
        use_cores(experiment.training.cpu_threads)
    data = load_data(experiment)
    corpora, task, tokenizer, encoded = data
    check_agreement(
        {f"the fingerprint of the {name} corpus": corpus.fingerprint[:12] for name, corpus in corpora.items()}
    )
    unreadable = tuple(_unreadable_warnings(encoded, tokenizer))
    notes = [
        line for domain, corpus in corpora.items() for line in (f"{domain}:", *(f"  {x}" for x in describe(corpus)))
    ]
    notes += [f"Warning: {warning}" for warning in unreadable]
    notes += [f"{name}: {value}" for name, value in {**truncation_summary(encoded), **task.facts}.items()]
    if note := check_run_target(experiment.sized(data.train_rows), encoded, tokenizer).note:
        notes.append(note)
    loaded = load_model(experiment, task)
    return PreparedRun(data, loaded, unreadable, (*notes, *loaded.notes))


def truncation_summary(encoded: Encoded) -> dict[str, str]:
    """Return how many texts or sentences were cut at the task's length, as facts for the report."""
    facts = {}
    for domain, splits in encoded.items():
        rows = sum(map(len, splits.values()))
        unit = "windows" if any("document" in dataset.column_names for dataset in splits.values()) else "texts"
        if cut := _total(splits.values(), "truncated"):
            whole = any("window_ids" in dataset.column_names for dataset in splits.values())
            how = "read in part (task.max_windows, task.train_windows)" if whole else "cut at the task's length"
            facts[f"{domain} {unit} {how}"] = f"{cut:,} of {rows:,} ({cut / rows:.0%}){_unread_share(splits.values())}"
        if domain == "source" and (written := _total([splits["train"]] if "train" in splits else [], "target_cut")):
            facts["training windows whose summary is cut at task.max_summary_length"] = f"{written:,}"
        if long := _total(splits.values(), "cut"):
            facts[f"{domain} sentences longer than a window, read as far as it goes"] = f"{long:,}"
    return facts


def _total(splits: Iterable[Dataset], column: str) -> int:
    """Return the sum of a column over the splits that have it."""
    return sum(int(np.sum(rows[column])) for rows in splits if column in rows.column_names)


def _unread_share(splits: Iterable[Dataset]) -> str:
    """Return the share of all tokens that is cut off, as text; empty for rows that are not whole texts."""
    whole = [rows for rows in splits if "text_length" in rows.column_names]
    tokens, read = _total(whole, "text_length"), _total(whole, "read")
    return f", {1 - read / tokens:.1%} of all tokens" if tokens else ""


def _unreadable_warnings(encoded: Encoded, tokenizer: Any) -> Iterable[str]:
    """Yield a warning for each domain with rows that the tokenizer cannot read, without their text."""
    for domain, splits in encoded.items():
        unreadable = {split: unreadable_rows(rows, tokenizer) for split, rows in splits.items()}
        if not (count := sum(map(len, unreadable.values()))):
            continue
        split = next(split for split, indices in unreadable.items() if len(indices))
        row_id = splits[split][int(unreadable[split][0])]["id"]
        yield f"{domain}: {unreadable_warning(count, sum(map(len, splits.values())), f'id {row_id}')}"
