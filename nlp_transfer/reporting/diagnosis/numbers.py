"""The numbers of a diagnosis, for a program or a notebook."""

from dataclasses import dataclass

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.target_accuracy import TargetAccuracy


@dataclass(frozen=True)
class DiagnosisNumbers:
    """Hold the numbers of a diagnosis, shares from 0 to 1.

    Args:
        macro_f1: of the linear probe on each layer, by cross-validation.
        best_layer: the layer whose probe has the lowest loss.
        doubtful_labels: estimated number of wrong labels.
        gain: in accuracy, of twice as many labels, and its 90 % interval; None where that is not told.
        target_accuracy: of the probe, on the source and the target; None without a target, or of several labels a text.
        a_distance: of source and target, from 0 (alike) to 2; None without a target, or of too few texts.
    """

    macro_f1: dict[int, float]
    best_layer: int
    doubtful_labels: int
    gain: tuple[float, float, float] | None
    target_accuracy: TargetAccuracy | None
    a_distance: float | None


def diagnosis_numbers(data: DiagnosisData) -> DiagnosisNumbers:
    """Return the numbers of a diagnosis."""
    return DiagnosisNumbers(
        macro_f1={layer: probe.macro_f1 for layer, probe in data.probes.items()},
        best_layer=data.best_layer,
        doubtful_labels=data.label_errors.count,
        gain=data.gain,
        target_accuracy=data.target_accuracy,
        a_distance=None if data.domain_test is None else data.domain_test.a_distance,
    )
