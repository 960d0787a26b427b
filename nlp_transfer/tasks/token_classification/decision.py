"""Configure the decision about entities, and fit it on texts that the model has not learned from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from nlp_transfer.errors import CheckedArguments, ConfigError, did_you_mean
from nlp_transfer.tasks.abstention import CALIBRATIONS, Abstention

if TYPE_CHECKING:
    from nlp_transfer.tasks.token_classification.entities import TaggedText


@dataclass(frozen=True)
class EntityDecision(CheckedArguments):
    """Settings for what is made of the logits of tokens, fitted on source validation.

    Args:
        calibration: `temperature` divides logits by one number; `none` leaves them.
        abstain: mark entities of which the model is not sure enough.

    Example:
        >>> EntityDecision(abstain=Abstention(precision=0.9)).calibration
        'temperature'
    """

    calibration: Literal["temperature", "none"] = "temperature"
    abstain: Abstention = field(default_factory=Abstention)

    def __post_init__(self) -> None:
        """Check the values."""
        if self.calibration not in CALIBRATIONS:
            raise ConfigError(f"task.decision.calibration: {did_you_mean('value', self.calibration, CALIBRATIONS)}")


def acceptance(abstain: Abstention, texts: "Sequence[TaggedText]", label_names: Sequence[str]) -> tuple[float, str]:
    """Return the probability from which entities are accepted, and a sentence if no probability keeps the promise.

    Args:
        texts: with references, and calibrated logits.

    Raises:
        ValueError: `abstain` promises no precision.
    """
    from nlp_transfer.metrics.selective import acceptance_level, rows_needed

    if abstain.precision is None:
        raise ValueError("There is no precision to keep.")
    made = [(one, text.references or ()) for text in texts for one in text.found(label_names)]
    right = np.array([(one.start, one.end, one.label) in references for one, references in made], dtype=bool)
    chances = np.array([one.probability for one, _ in made])
    level = acceptance_level(chances, right, abstain.precision, abstain.confidence)
    if level is not None:
        return level, ""
    return math.inf, (
        f"No probability gives a precision of {abstain.precision:g} that {len(made):,} predicted entities can promise "
        f"(it takes at least {rows_needed(abstain.precision, abstain.confidence):,} sure ones that are all right): "
        "every entity is marked 'abstain'."
    )
