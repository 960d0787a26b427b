"""Diagnose several encoders: which of them to start from."""

from dataclasses import replace
from typing import Any

import numpy as np

from nlp_transfer.metrics.row_scores import ClassScores
from nlp_transfer.metrics.significance import choose_run
from nlp_transfer.models.families import count_parameters
from nlp_transfer.reporting.diagnosis.layers import evidence_text
from nlp_transfer.reporting.diagnosis.probes import decide
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Section, Table, Text


def encoders(data: DiagnosisData) -> Section | None:
    """Return the section that ranks encoders by the probe on the best layer of each; None of one encoder."""
    if not data.encoders:
        return None
    labels = data.source.labels
    assert labels is not None
    predicted, scores, rows = [], [], []
    for name in dict.fromkeys([data.experiment.model, *data.encoders]):
        own = data if name == data.experiment.model else _with_encoder(data, name)
        probe = own.probes[own.best_layer]
        scores.append(probe.macro_f1)
        predicted.append(decide(probe.probabilities, multi_label=data.task.multi_label))
        evidence = evidence_text(own.source.features[own.best_layer], labels)
        layers = f"{own.best_layer} of {len(own.probes)}"
        _, parameters = count_parameters(own.prepared.loaded.model)
        rows.append([name, f"{parameters / 1e6:,.1f}", layers, evidence, f"{probe.macro_f1:.3f}"])
    choice = choose_run(ClassScores(np.array(predicted), labels))
    equal = [rows[number][0] for number in choice.equals()]
    for row, points, share in zip(rows, choice.points(), choice.shares, strict=True):
        row += [points, f"{share:.0%}"]
    how = (
        f"Linear probes on the best layer of each frozen encoder, by the same folds. Take {rows[choice.run][0]}, the "
        f"best in {choice.shares[choice.run]:.0%} of the resamples of the rows."
        + (f" Not clearly worse: {', '.join(equal)}." if equal else "")
        + " Points are the 95 % interval of the difference from it; after training of all weights the order can change."
    )
    rows = [rows[number] for number in np.argsort([-score for score in scores], kind="stable")]
    columns = ["encoder", "million weights", "layer", "LogME", "macro-F1", "points, 95 %", "best in"]
    return Section("Encoders", (Text(how), Table("Encoders", columns, rows)))


def _with_encoder(data: DiagnosisData, name: str) -> DiagnosisData:
    """Return the same rows, read by another encoder."""
    experiment: Any = data.experiment
    other = replace(experiment, model=name, tokenizer=None, revision=None)
    return DiagnosisData(other, prepare(other), data.most_rows)
