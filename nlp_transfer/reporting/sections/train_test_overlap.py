"""Report scored texts that are copies of training texts, and the scores without them."""

import numpy as np

from nlp_transfer.data.splits.exact_duplicates import copy_mask, hash_texts
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Section, facts_section

MIN_OVERLAP = 0.01
"""Minimum gain of the primary metric by copies that a warning is given for."""


def train_test_overlap(run: RunContext) -> Section | None:
    """Return the section about scored texts that are copies of training texts; None where none is."""
    task = run.task
    if not task.label_names or not run.learned_labels():
        return None
    facts, warnings, metric = {}, [], METRICS[task.primary_metric]
    known = np.concatenate([hash_texts(rows)[0] for rows in run.learned_labels()])
    for domain, splits in run.scored.items():
        for split, one in splits.items():
            if one.labels is None:
                continue
            copied = copy_mask(known, run.corpora[domain].splits[split])
            count, rows = int(copied.sum()), len(copied)
            if not count:
                continue
            place = f"{domain} {split}"
            finding = f"{place}: {count:,} of {rows:,} texts are exact copies of training texts"
            if count == rows:
                facts[place] = f"all {rows:,} texts"
                warnings.append(f"{finding}: its scores say nothing of other texts.")
                continue
            without = task.score(one.logits[~copied], one.labels[~copied])[metric.name]
            words = [metric.format(score) for score in (without, one.metrics[metric.name])]
            facts[place] = f"{count:,} of {rows:,} texts; {metric.title} {words[0]} without them, {words[1]} with them"
            if one.metrics[metric.name] - without >= MIN_OVERLAP:
                splitting = ", or let source.split.method near_duplicate make the splits" if domain == "source" else ""
                warnings.append(
                    f"{finding}. Without them {metric.title} is {words[0]}, not {words[1]}: take them out{splitting}."
                )
    return facts_section("Copies of training texts", ("split", "copies"), facts, warnings)
