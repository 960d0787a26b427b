"""Diagnose the target: how it differs from the source, and how accurate a model of the source will be there."""

import numpy as np
import torch

from nlp_transfer.metrics.domain_distance import different_words, two_sample_test
from nlp_transfer.metrics.unlabeled_accuracy import estimate_accuracy
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, DomainRows, probabilities_of
from nlp_transfer.tasks.blocks import Block, Section, Table, Text, escape_markdown

WORDS = 15
LEAST_ROWS = 8
"""Number of texts of each domain below which nothing is tested."""


def domains(data: DiagnosisData) -> Section | None:
    """Return the section on the domains; None without a target."""
    target = data.target
    if target is None or min(len(target.ids), len(data.source.ids)) < LEAST_ROWS:
        return None
    layer = data.best_layer
    test = two_sample_test(data.source.features[layer], target.features[layer], seed=data.experiment.training.seed)
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
    """Return the accuracy of the source's probe on the target, without its labels, and with them if it has some.

    Confidence is the mean probability that the probes of all layers give to the predicted class: layers that disagree
    are a sign of error where one of them is sure.
    """
    labels, best = data.source.labels, data.best_layer
    assert labels is not None
    here = {layer: probe.probabilities for layer, probe in data.probes.items()}
    there = {
        layer: probabilities_of(torch.from_numpy(target.features[layer]) @ weight.T + bias, multi_label=False)
        for layer, probe in data.probes.items()
        for weight, bias in [probe.head]
    }
    right = here[best].argmax(axis=1) == labels
    estimate = estimate_accuracy(right, _confidence(here, best), _confidence(there, best))
    estimated = f"{estimate.accuracy:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
    facts = [
        ["accuracy on the source, by cross-validation", f"{right.mean():.3f}"],
        ["accuracy on the target, without its labels", estimated],
    ]
    if target.labels is not None:
        facts.append(["the same by its labels", f"{np.mean(there[best].argmax(axis=1) == target.labels):.3f}"])
    return facts


def _confidence(probabilities: dict[int, np.ndarray], best: int) -> np.ndarray:
    """Return the mean over layers of the probability of the class that the best layer predicts, shape (rows,)."""
    chosen = probabilities[best].argmax(axis=1)
    mean: np.ndarray = np.mean(list(probabilities.values()), axis=0)[np.arange(len(chosen)), chosen]
    return mean
