"""Diagnose the target: how it differs from the source, and how accurate a model of the source will be there."""

from nlp_transfer.metrics.domain_distance import different_words, two_sample_test
from nlp_transfer.reporting.diagnosis.rows import MIN_DISTINCT, DiagnosisData, DomainRows
from nlp_transfer.reporting.diagnosis.target_accuracy import describe_estimate, target_accuracy
from nlp_transfer.tasks.blocks import Block, Section, Table, Text, escape_markdown

WORDS = 15


def domains(data: DiagnosisData) -> Section | None:
    """Return the section on the domains; None without a target."""
    target = data.target
    if target is None:
        return None
    layer = data.best_layer
    here, there = data.distinct()  # a near-duplicate in the other half would be known from training
    if min(len(here), len(there)) < MIN_DISTINCT:
        return None
    seed = data.experiment.training.seed
    test = two_sample_test(data.source.features[layer][here], target.features[layer][there], seed=seed)
    facts = [
        [
            "domain told right, of texts not trained on",
            f"{test.accuracy:.3f} ({test.low:.3f}–{test.high:.3f}) of {test.rows:,}",
        ],
        ["p, if the domains were alike", f"{test.p:.2g}"],
        ["proxy A-distance (0 alike, 2 apart)", f"{test.a_distance:.2f}"],
    ]
    if not data.task.multi_label:
        facts += _accuracy_facts(data, target)
    more, less = different_words(data.source.texts, target.texts, WORDS)
    blocks: list[Block] = [Table("Source and target", ["", "value"], facts, names=2)]
    for domain, words in (("source", more), ("target", less)):
        if words:
            blocks.append(Text(f"More frequent in the {domain}: {', '.join(map(escape_markdown, words))}."))
    return Section("Source and target", tuple(blocks))


def _accuracy_facts(data: DiagnosisData, target: DomainRows) -> list[list[str]]:
    """Return the accuracy of the source's probe on the target, without its labels, and with them if it has some."""
    assert data.source.labels is not None
    found = target_accuracy(data.probes, data.source.labels, target, data.task)
    facts = [
        ["accuracy on the source, by cross-validation", f"{found.source:.3f}"],
        ["accuracy on the target, without its labels", describe_estimate(found.estimate)],
    ]
    return facts if found.true is None else [*facts, ["the same by its labels", f"{found.true:.3f}"]]
