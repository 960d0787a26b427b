"""Diagnose several sources: which of them a target is best learned from."""

import numpy as np

from nlp_transfer.metrics.domain_distance import two_sample_test
from nlp_transfer.reporting.diagnosis.probes import best_layer
from nlp_transfer.reporting.diagnosis.rows import MIN_DISTINCT, DiagnosisData
from nlp_transfer.reporting.diagnosis.target_accuracy import describe_estimate, target_accuracy
from nlp_transfer.tasks.blocks import Section, Table, Text

MIN_SOURCE_ROWS = 40
"""Number of texts of a source below which it is not ranked."""


def sources(data: DiagnosisData) -> Section | None:
    """Return the section that ranks the sources; None of one source, without a target, or of several labels a text."""
    source, target = data.source, data.target
    if source.domains is None or target is None or data.task.multi_label:
        return None
    assert source.labels is not None
    ranked = []
    for name in dict.fromkeys(source.domains.tolist()):
        own = np.flatnonzero(source.domains == name)
        if len(own) < MIN_SOURCE_ROWS or len(np.unique(source.labels[own])) < 2:
            continue
        probes = data.probes_of(own)
        layer = best_layer(probes)
        here, there = data.distinct(own)
        if min(len(here), len(there)) < MIN_DISTINCT:
            continue
        test = two_sample_test(source.features[layer][here], target.features[layer][there])
        accuracy = target_accuracy(probes, source.labels[own], target.features, target.labels, data.task)
        ranked.append((accuracy, name, len(own), test.a_distance))
    if len(ranked) < 2:
        return None
    ranked.sort(key=lambda one: -one[0].estimate.accuracy)
    (best, chosen, *_), *rest = ranked
    others = ", ".join(name for one, name, *_ in rest if one.estimate.high >= best.estimate.low)
    how = (
        "Linear probes of each source, and their accuracy on the target, estimated without its labels. "
        f"Take {chosen}{f' (not clearly worse: {others})' if others else ''}. "
        "Several sources together may be better than one."
    )
    known = ranked[0][0].true is not None
    columns = ["source", "texts", "accuracy on itself", "estimated on the target", "proxy A-distance"]
    cells = [
        [name, f"{rows:,}", f"{one.source:.3f}", describe_estimate(one.estimate), f"{distance:.2f}"]
        + ([f"{one.true:.3f}"] if known else [])
        for one, name, rows, distance in ranked
    ]
    return Section("Sources", (Text(how), Table("Sources", [*columns, *(["by its labels"] if known else [])], cells)))
