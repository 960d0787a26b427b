"""What a person sets of summaries otherwise than the run that trained the model did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedSummarizer

SELECTS = "sets how a model writes, and this model selects sentences"

WRITES = "sets how many sentences an extract takes, and this model writes its summaries"

MAKES_NONE = "sets what summaries are like, and this model makes none"


@dataclass(frozen=True)
class SummarySettings:
    """Settings for the summaries of one call; what is not set is as in the model's run.

    Args:
        length_unit: what the size of an extract is counted in.
        length: its size.
        generation: settings of `GenerationConfig` for a model that writes, such as `num_beams`.
    """

    length_unit: str | None = None
    length: float | None = None
    generation: Mapping[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """Those that are set, by name."""
        own = {"length_unit": self.length_unit, "length": self.length}
        return {name: value for name, value in own.items() if value is not None} | dict(self.generation)

    def refuse(self) -> None:
        """Complain about settings where the model makes no summaries; raises ConfigError."""
        self._refuse(MAKES_NONE, "length_unit", "length", "generation")

    def applied_to(
        self, summarizer: TrainedSummarizer | TrainedAbstractiveSummarizer
    ) -> TrainedSummarizer | TrainedAbstractiveSummarizer:
        """The summariser with them.

        Raises:
            ConfigError: a setting that such a model does not have, or of a value that cannot be.
        """
        if isinstance(summarizer, TrainedSummarizer):
            self._refuse(SELECTS, "generation")
            return summarizer.selecting(self.length_unit, self.length)
        self._refuse(WRITES, "length_unit", "length")
        return summarizer.writing(**self.generation)

    def _refuse(self, why: str, *names: str) -> None:
        given = [f"--{name}" for name in names if getattr(self, name) not in (None, {})]
        if given:
            raise ConfigError(f"{' and '.join(given)} {why}. Leave it out.")
