"""What scores are worth where scored texts are copies of training texts: those of the other texts beside them."""

from collections.abc import Mapping, Sequence

import numpy as np
from datasets import Dataset

from nlp_transfer.data import Corpus
from nlp_transfer.data.splits.exact_duplicates import copy_mask, hash_texts
from nlp_transfer.metrics.metric import number
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.base import DomainPredictions, FittedTask
from nlp_transfer.tasks.blocks import Section, facts_section

MIN_OVERLAP = 0.01
"""From how much macro-F1 on copies are warned of."""


def train_test_overlap(run: RunContext) -> Section | None:
    """Return the section about scored texts that are copies of training texts; None where none is."""
    if not run.task.label_names:
        return None
    facts, warnings = copied_texts(run.task, run.corpora, run.scored, run.learned_labels())
    return facts_section("Copies of training texts", facts, warnings)


def copied_texts(
    task: FittedTask,
    corpora: Mapping[str, Corpus],
    scored: DomainPredictions,
    learned: Sequence[Dataset],
) -> tuple[dict[str, str], list[str]]:
    """Facts by split, and warnings of those whose macro-F1 is better for the copies.

    Args:
        task: scores.
        corpora: by domain, with the texts.
        scored: what the model said of their splits, in their order.
        learned: the rows whose texts and labels were learned from.
    """
    facts, warnings = {}, []
    known = np.concatenate([hash_texts(rows)[0] for rows in learned])
    for domain, splits in scored.items():
        for split, one in splits.items():
            if one.labels is None:
                continue
            copied = copy_mask(known, corpora[domain].splits[split])
            count, rows, with_them = int(copied.sum()), len(copied), one.metrics[task.primary_metric]
            if not count:
                continue
            facts[f"{domain} {split}"] = f"all {rows:,} texts"
            found = f"{domain} {split}: {count:,} of {rows:,} texts are exact copies of training texts"
            if count == rows:
                warnings.append(f"{found}: its scores say nothing of other texts.")
                continue
            without = task.score(one.logits[~copied], one.labels[~copied])[task.primary_metric]
            facts[f"{domain} {split}"] = (
                f"{count:,} of {rows:,} texts; macro-F1 {number(without)} without them, {number(with_them)} with them"
            )
            if with_them - without >= MIN_OVERLAP:
                splitting = ", or let source.split.method near_duplicate make the splits" if domain == "source" else ""
                warnings.append(
                    f"{found}. Without them macro-F1 is {number(without)}, not {number(with_them)}: take them out"
                    f"{splitting}."
                )
    return facts, warnings
