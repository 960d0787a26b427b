"""Report the scores of each of several source domains."""

import numpy as np

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.report import SourceScore
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Section, facts_section


def source_domains(run: RunContext) -> Section | None:
    """Return the section with the primary metric of each source domain; None where there is one."""
    metric = METRICS[run.task.primary_metric]
    facts: dict[str, list[str]] = {}
    others = () if run.source_only is None else run.source_only.source_scores
    for suffix, scores in (("", scores_by_source(run)), (f", {SOURCE_ONLY}", others)):
        for one in scores:
            text = f"{one.split} {metric.format(one.score)} ({one.rows:,} rows)"
            facts.setdefault(f"{one.source}{suffix}", []).append(text)
    described = {name: ", ".join(parts) for name, parts in facts.items()}
    return facts_section(f"{metric.title} by source", ("source", metric.title), described)


def scores_by_source(run: RunContext) -> tuple[SourceScore, ...]:
    """Return the primary metric of each of several source domains in each labelled split; empty where there is one."""
    scores = []
    for split, one in run.scored["source"].items():
        rows = run.rows["source"][split]
        if one.labels is None or DOMAIN_COLUMN not in rows.column_names:
            continue
        domains = np.asarray(rows[DOMAIN_COLUMN])
        for i, name in enumerate(rows.features[DOMAIN_COLUMN].names):
            own = domains == i
            if own.any():
                score = run.task.score(one.logits[own], one.labels[own])[run.task.primary_metric]
                scores.append(SourceScore(name, split, int(own.sum()), float(score)))
    return tuple(scores)
