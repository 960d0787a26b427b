"""Summarize documents by their own sentences, in bounded memory and in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder, highlight_labels
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.summary_pairs import Ranking
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.models.files.manifest import folder_fingerprint
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.predictor import ExportablePredictor, Logits
from nlp_transfer.tasks.saved_folder import SavedModel, find_saved
from nlp_transfer.tasks.summarization import EXTRACTIVE
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.documents import DocumentPredictor
from nlp_transfer.tasks.summarization.selection import Selection, length_problems, oracle_labels
from nlp_transfer.tasks.summarization.summaries import ExtractedSummary

if TYPE_CHECKING:
    import torch
    from datasets import Dataset


@dataclass(frozen=True)
class ExtractivePredictor(DocumentPredictor, ExportablePredictor):
    """A trained extractive summarizer; `max_length` is that of a window.

    Args:
        overlap: maximum number of tokens that a window repeats of the one before.
        selection: selects the sentences of a summary.
    """

    task: ClassVar[str] = EXTRACTIVE
    references: ClassVar[tuple[str, ...]] = ("summary", "highlights")
    references_noun: ClassVar[str] = "summaries or highlights"

    overlap: int
    selection: Selection

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load an extractive summarizer."""
        from nlp_transfer.models.heads.extractive import AutoModelForExtractiveSummarization

        types = {"max_length": int, "overlap": int, "length_unit": str, "length": float, "block_trigrams": bool}
        state = saved.settings("summariser", types)
        loaded = saved.load_network(AutoModelForExtractiveSummarization, "summariser")
        return cls(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            max_length=state["max_length"],
            origin=str(saved.folder),
            overlap=state["overlap"],
            selection=Selection(SummaryLength(state["length_unit"], state["length"]), state["block_trigrams"]),
        )

    def state(self) -> dict[str, Any]:
        """Return the settings of windows and of selection."""
        return {
            "max_length": self.max_length,
            "overlap": self.overlap,
            "length_unit": self.selection.length.unit,
            "length": self.selection.length.size,
            "block_trigrams": self.selection.block_trigrams,
        }

    def with_options(
        self, *, length_unit: str | None = None, length: float | None = None, bertscore_model: str | None = None
    ) -> Self:
        """Return the summarizer with other options; None keeps its own. Raise ConfigError for bad values."""
        own = self.selection.length
        unit, size = own.unit if length_unit is None else length_unit, own.size if length is None else length
        if problems := length_problems(unit, size, "--"):
            raise ConfigError(problems)
        bertscore_folder(bertscore_model, "--")
        selection = replace(self.selection, length=SummaryLength(unit, size))
        return replace(self, selection=selection, bertscore_model=bertscore_model or self.bertscore_model)

    @property
    def baseline_selection(self) -> Selection:
        """The model's own rule."""
        return self.selection

    def summarize(
        self,
        rows: Sequence[Mapping[str, Any]],
        texts: Sequence[str],
        spans: Sequence[Sequence[CharSpan]],
        max_tokens: int | None,
    ) -> Iterator[ExtractedSummary]:
        """Yield the extract of each document, with the labels of its sentences if its row has references."""
        from scipy.special import logit

        sentences = [[text[a:b] for a, b in of] for text, of in zip(texts, spans, strict=True)]
        scores = self.sentence_scores(sentences, max_tokens=max_tokens)
        for row, text, own, of, found in zip(rows, texts, spans, sentences, scores, strict=True):
            reference, labels = row.get("summary"), None
            if "highlights" in row:
                labels = highlight_labels(own, row["highlights"])
            elif reference is not None:
                labels = oracle_labels(of, reference)
            taken = self.selection.select(found.tolist(), of)
            yield ExtractedSummary(row["id"], text, own, reference, logit(found).tolist(), taken, labels)

    def ranking(self, *, max_tokens: int | None = None) -> Ranking:
        """Return a function that ranks the sentences of documents; see `PairEncoder`."""

        def rank(documents: Sequence[Sequence[str]]) -> list[Sequence[float]]:
            return [scores.tolist() for scores in self.sentence_scores(documents, max_tokens=max_tokens)]

        return rank

    def sentence_scores(self, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the probability that each sentence belongs to a summary: for each document, shape (sentences,)."""
        from scipy.special import expit

        return [expit(found) for found in self.sentence_logits(documents, max_tokens=max_tokens)]

    def sentence_logits(self, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of sentences; see `sentence_scores`."""
        encoder = DocumentEncoder(self.tokenizer, self.max_length, self.overlap)
        logits = [np.zeros(len(sentences)) for sentences in documents]
        windows = [
            (number, window)
            for number, sentences in enumerate(documents)
            if sentences
            for window in encoder.encode(sentences)[0]
        ]
        for place, found in self._window_logits([window for _, window in windows], max_tokens):
            number, window = windows[place]
            first, begin, end = window["numbers"][0], window["scored_from"], window["scored_to"]
            logits[number][begin:end] = found[begin - first : end - first]
        check_finite(np.concatenate([np.zeros(0), *logits]), self.origin)
        return logits

    def row_logits(self, rows: "Dataset") -> np.ndarray:
        """Return the logits of encoded windows; float32, shape (rows, sentences), padded with 0."""
        logits = np.zeros((len(rows), max(map(len, rows["numbers"]))), dtype=np.float32)
        windows = [{name: row[name] for name in ("input_ids", "markers", "numbers", "length")} for row in rows]
        for place, found in self._window_logits(windows):
            logits[place, : len(windows[place]["numbers"])] = found[: len(windows[place]["numbers"])]
        check_finite(logits, self.origin)
        return logits

    def _window_logits(
        self, windows: Sequence[dict[str, Any]], max_tokens: int | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of each window, and the logits of its sentences, padded."""
        collate = SentenceCollator(PaddingCollator(self.tokenizer))
        with batch_logits(self.model, len(windows)) as logits_of:
            lengths = [window["length"] for window in windows]
            for batch in token_budget_batches(lengths, self.batch_tokens(max_tokens)):
                yield from zip(batch, logits_of(collate([windows[place] for place in batch])), strict=True)

    def text_logits(self, texts: Sequence[str], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of the sentences of each text."""
        return self.sentence_logits([_sentences(text) for text in texts], max_tokens=max_tokens)

    def decisions(self, texts: Sequence[str], logits: Logits) -> list[Any]:
        """Return the numbers of the sentences that each text's summary has."""
        return [self.selection.select(of.tolist(), _sentences(text)) for text, of in zip(texts, logits, strict=True)]

    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """Return the windows of two documents whose sentences are the texts."""
        encoder = DocumentEncoder(self.tokenizer, self.max_length, self.overlap)
        rows = [encoder.encode(list(sentences))[0][0] for sentences in (texts[:2], texts[1:3])]
        batch = SentenceCollator(PaddingCollator(self.tokenizer))(rows)
        return {name: tensor for name, tensor in batch.items() if name != "labels"}


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def load_ranking(name: str, device: "torch.device") -> tuple[Ranking, str]:
    """Return the ranking of a saved extractive summarizer, and its fingerprint; raise ConfigError if there is none."""
    try:
        saved = find_saved(name)
        extractor = ExtractivePredictor.from_saved(saved)
        return extractor.to(device).ranking(), folder_fingerprint(saved.files)
    except CheckpointError as error:
        raise ConfigError([f"task.extractor: {problem}" for problem in error.problems]) from error
