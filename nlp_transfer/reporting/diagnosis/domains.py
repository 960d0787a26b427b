"""Diagnose the target: how it differs from the source, and how accurate a model of the source will be there."""

from nlp_transfer.metrics.domain_distance import different_words
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.target_accuracy import TargetAccuracy, describe_estimate
from nlp_transfer.tasks.blocks import Block, Section, Table, Text, escape_markdown

WORDS = 15


def domains(data: DiagnosisData) -> Section | None:
    """Return the section on the domains; None without a target."""
    target, test = data.target, data.domain_test
    if target is None or test is None:
        return None
    facts = [
        [
            "domain told right, of texts not trained on",
            f"{test.accuracy:.3f} ({test.low:.3f}–{test.high:.3f}) of {test.rows:,}",
        ],
        ["p, if the domains were alike", f"{test.p:.2g}"],
        ["proxy A-distance (0 alike, 2 apart)", f"{test.a_distance:.2f}"],
    ]
    if data.target_accuracy is not None:
        facts += _accuracy_facts(data.target_accuracy)
    more, less = different_words(data.source.texts, target.texts, WORDS)
    blocks: list[Block] = [Table("Source and target", ["", "value"], facts, names=2)]
    for domain, words in (("source", more), ("target", less)):
        if words:
            blocks.append(Text(f"More frequent in the {domain}: {', '.join(map(escape_markdown, words))}."))
    return Section("Source and target", tuple(blocks))


def _accuracy_facts(found: TargetAccuracy) -> list[list[str]]:
    """Return the accuracy of the source's probe on the target, without its labels, and with them if it has some."""
    facts = [
        ["accuracy on the source, by cross-validation", f"{found.source:.3f}"],
        ["accuracy on the target, without its labels", describe_estimate(found.estimate)],
        ["at most, if classes are as frequent as in the source", f"{found.bound:.3f}"],
    ]
    return facts if found.true is None else [*facts, ["accuracy on the target, by its labels", f"{found.true:.3f}"]]
