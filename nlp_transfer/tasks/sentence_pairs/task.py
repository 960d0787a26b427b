"""Sentence pairs: the class of two texts, `first` and `second`, of which the first may be a long document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.data.validation.row_kinds import PAIRS
from nlp_transfer.tasks.base import Columns
from nlp_transfer.tasks.classification.baselines import Baseline
from nlp_transfer.tasks.classification.text_task import FittedTextClassification, TextClassification
from nlp_transfer.tasks.reading.long_documents import WINDOWS
from nlp_transfer.tasks.sentence_pairs import NAME
from nlp_transfer.tasks.sentence_pairs.baselines import BASELINES
from nlp_transfer.tasks.sentence_pairs.wording import WORDING
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from nlp_transfer.tasks.predictor import Predictor


@final
@dataclass(frozen=True)
class SentencePairs(TextClassification):
    """Classify pairs of texts; the second is never cut.

    Args:
        max_length: maximum number of tokens that the encoder reads at once: of the first text or a window of it, of the
            whole second text, and special tokens.
        long_documents: `windows` reads all of a long first text, each window beside the second text; `truncate` cuts
            the first text off.

    Example:
        >>> SentencePairs(max_length=64).fit(load_corpus(CorpusConfig("claims"), kind="pairs")).label_names
        ['no', 'yes']
    """

    name: ClassVar[str] = NAME
    columns: ClassVar[Columns] = Columns(labels=True, kind=PAIRS)
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    baseline_names: ClassVar[tuple[str, ...]] = tuple(BASELINES)
    wording: ClassVar[Wording] = WORDING

    long_documents: str = WINDOWS

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `PairPredictor`."""
        from nlp_transfer.tasks.sentence_pairs.predictor import PairPredictor

        return PairPredictor

    def fit(self, corpus: Corpus) -> FittedTextClassification:
        """Return the task with the labels and class frequencies of `corpus`; raise DataError without labels."""
        return FittedTextClassification(self, corpus)
