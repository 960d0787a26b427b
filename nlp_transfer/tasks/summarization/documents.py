"""Read documents for summarisers of either kind."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from nlp_transfer.data import Corpus, CorpusConfig, load_corpus
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.token_coverage import TokenCoverage, count_coverage
from nlp_transfer.data.validation.documents import join_sentences
from nlp_transfer.errors import DataError
from nlp_transfer.tasks.predictor import Predictor

logger = logging.getLogger(__name__)


class DocumentPredictor(Predictor):
    """A predictor that reads documents.

    A document is a text or the list of its sentences, whose offsets then count in the text that has one of them a line.
    """

    text_column: ClassVar[str] = "document"

    def watched(self, rows: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Yield rows, and warn at their end of texts that the tokenizer does not know."""
        coverage = TokenCoverage()
        yield from count_coverage(rows, self.tokenizer, coverage)
        for warning in coverage.warnings():
            logger.warning(warning)

    def load_corpus(self, config: CorpusConfig) -> Corpus:
        """See `Predictor.load_corpus`."""
        try:
            return load_corpus(config, key="corpus", documents=True, trains=False)
        except DataError as error:
            kind = f"{self.origin} summarises: it is scored on documents with {self.references_noun}."
            raise DataError([*error.problems, kind]) from error


def locate_sentences(document: str | list[str]) -> tuple[str, list[CharSpan]]:
    """Return the text of a document, and the spans of its sentences.

    Example:
        >>> locate_sentences(["One.", "Two."])
        ('One.\\nTwo.', [(0, 4), (5, 9)])
    """
    if isinstance(document, str):
        return document, sentence_spans(document)
    text, starts = join_sentences(document)
    return text, sentence_spans(text, starts)
