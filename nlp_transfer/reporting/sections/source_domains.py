"""Report the scores of each of several source domains."""

from collections.abc import Mapping

import numpy as np
from datasets import Dataset

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.base import FittedTask, Predictions
from nlp_transfer.tasks.blocks import Section, facts_section


def source_domains(run: RunContext) -> Section | None:
    """Return the section with the primary metric of each source domain; None where there is one."""
    title = f"{METRICS[run.task.primary_metric].title} by source"
    facts = scores_by_source(run.task, run.scored["source"], run.rows["source"])
    if run.source_only is not None:
        facts |= {f"{name}, {SOURCE_ONLY}": text for name, text in run.source_only.finding(title).items()}
    return facts_section(title, facts)


def scores_by_source(
    task: FittedTask, scored: Mapping[str, Predictions], encoded: Mapping[str, Dataset]
) -> dict[str, str]:
    """Describe the primary metric of each of several source domains; empty where there is one.

    Args:
        task: scores.
        scored: the source's splits.
        encoded: the same rows, with the domain of each.
    """
    metric = METRICS[task.primary_metric]
    facts: dict[str, list[str]] = {}
    for split, one in scored.items():
        if one.labels is None or DOMAIN_COLUMN not in encoded[split].column_names:
            continue
        domains = np.asarray(encoded[split][DOMAIN_COLUMN])
        for i, name in enumerate(encoded[split].features[DOMAIN_COLUMN].names):
            own = domains == i
            if own.any():
                score = metric.format(task.score(one.logits[own], one.labels[own])[metric.name])
                facts.setdefault(name, []).append(f"{split} {score} ({int(own.sum()):,} rows)")
    return {name: ", ".join(parts) for name, parts in facts.items()}
