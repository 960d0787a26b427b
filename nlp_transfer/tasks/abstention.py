"""Settings of abstaining that several tasks have."""

from dataclasses import dataclass

from nlp_transfer.errors import CheckedArguments, ConfigError

CALIBRATIONS = ("temperature", "none")
"""Values of `calibration` in a decision's settings."""


SAME_ROWS = (
    "Where these rows chose the checkpoint, too, promises are a little too good: `source.split.calibration` keeps rows "
    "apart for them."
)
"""What a report says of promises that were fitted on validation rows."""


@dataclass(frozen=True)
class Abstention(CheckedArguments):
    """Settings for abstaining.

    Args:
        precision: minimum share of right predictions among the accepted ones, such as 0.95; null never abstains.
        confidence: probability with which that is kept, over draws of the calibration rows.

    Example:
        >>> Abstention(precision=0.95).confidence
        0.95
    """

    precision: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the values."""
        check_shares("abstain", precision=self.precision, confidence=self.confidence)


def check_shares(section: str, **values: float | None) -> None:
    """Raise ConfigError for a share of a decision's settings that is not between 0 and 1."""
    problems = [
        f"task.decision.{section}.{name} is {value}; expected more than 0 and less than 1, such as 0.9."
        for name, value in values.items()
        if value is not None and not 0 < value < 1
    ]
    if problems:
        raise ConfigError(problems)
