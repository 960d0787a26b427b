"""Pair regression: a number of two texts, `first` and `second`, of which the first may be a long document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.data.validation.row_kinds import NUMBER_PAIRS
from nlp_transfer.tasks.base import Columns
from nlp_transfer.tasks.pair_regression import NAME
from nlp_transfer.tasks.pair_regression.baselines import BASELINES
from nlp_transfer.tasks.pair_regression.wording import WORDING
from nlp_transfer.tasks.reading.long_documents import WINDOWS
from nlp_transfer.tasks.regression.baselines import Baseline
from nlp_transfer.tasks.regression.task import Regression
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from nlp_transfer.tasks.predictor import Predictor


@final
@dataclass(frozen=True)
class PairRegression(Regression):
    """Predict numbers of pairs of texts; the second is never cut.

    Args:
        long_documents: `windows` reads all of a long first text, each window beside the second text; `truncate` cuts
            the first text off.

    Example:
        >>> PairRegression(max_length=64).fit(load_corpus(CorpusConfig("ratings"), kind="number_pairs")).names
        ['value']
    """

    name: ClassVar[str] = NAME
    columns: ClassVar[Columns] = Columns(kind=NUMBER_PAIRS)
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    baseline_names: ClassVar[tuple[str, ...]] = tuple(BASELINES)
    wording: ClassVar[Wording] = WORDING

    long_documents: str = WINDOWS

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `PairNumberPredictor`."""
        from nlp_transfer.tasks.pair_regression.predictor import PairNumberPredictor

        return PairNumberPredictor
