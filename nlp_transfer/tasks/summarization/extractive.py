"""Extractive summarization: score the sentences of a document, and select the best."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.metrics.metric import Scores
from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.summarization import EXTRACTIVE
from nlp_transfer.tasks.summarization.base import EXTRACTIVE_WORDING, FittedSummarization, Summarization
from nlp_transfer.tasks.summarization.selection import Selection, length_problems, oracle_labels
from nlp_transfer.tasks.summarization.summaries import ExtractedSummary, extracted_summaries
from nlp_transfer.tasks.windows import repeated_tokens, window_problems
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor

SUPERVISION = ("auto", "highlights", "summary")

_LABELS_FACT = "training sentences that belong into a summary"


@final
@dataclass(frozen=True)
class ExtractiveSummarization(Summarization):
    """Summarize documents by their own sentences.

    Args:
        max_length: maximum number of tokens of a window, markers included; longer documents take several windows.
        overlap: maximum number of tokens that a window repeats of the one before; null is a quarter of `max_length`.
        extend_positions: repeat the position embeddings of an encoder that has fewer than `max_length`.
        supervision: labels of the sentences: the column `highlights`, or the selection of greedy ROUGE by the
            `summary`; `auto` is highlights where there are any.
        length_unit: unit of a summary's length: `sentences`, `words`, `characters`, or `share` of the document's words.
        length: maximum length of a summary, such as 3 sentences; a share is above 0 and at most 1.
        block_trigrams: skip sentences that share three words in a row with a selected one.
        bertscore_model: an encoder to score summaries with at the end (BERTScore).

    Example:
        >>> corpus = load_corpus(CorpusConfig("papers"), kind="documents")
        >>> ExtractiveSummarization(max_length=64).fit(corpus).name
        'extractive_summarization'
    """

    name: ClassVar[str] = EXTRACTIVE
    citation: ClassVar[str] = (
        "Liu & Lapata (2019), https://arxiv.org/abs/1908.08345 (BertSumExt), https://arxiv.org/abs/1903.10318"
    )
    selection_metric: ClassVar[str] = "average_precision"
    provides: ClassVar[frozenset[Output]] = frozenset({Output.TOKENS, Output.SPANS, Output.HEAD})
    wording: ClassVar[Wording] = EXTRACTIVE_WORDING

    max_length: int = 512
    overlap: int | None = None
    extend_positions: bool = False
    supervision: Literal["auto", "highlights", "summary"] = "auto"
    length_unit: Literal["sentences", "words", "characters", "share"] = "sentences"
    length: float = 3
    block_trigrams: bool = True
    bertscore_model: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        problems = size_problems("task.", vars(self))
        problems += window_problems(self.max_length, self.overlap, "a sentence")
        if self.supervision not in SUPERVISION:
            problems.append(f"task.supervision: {did_you_mean('value', self.supervision, SUPERVISION)}")
        problems += length_problems(self.length_unit, self.length, "task.")
        if problems:
            raise ConfigError(problems)

    @property
    def repeated_tokens(self) -> int:
        """The tokens that a window may repeat."""
        return repeated_tokens(self.max_length, self.overlap)

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return ROUGE-1, or without references the F1 of sentences."""
        return [cls.primary_metric if cls.primary_metric in scores else "f1"]

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `ExtractivePredictor`."""
        from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor

        return ExtractivePredictor

    def fit(self, corpus: Corpus) -> "FittedExtractiveSummarization":
        """Return the task with the source of its labels; raise DataError if documents have none."""
        wanted = {"highlights": ["highlights"], "summary": ["summary"]}.get(self.supervision, ["summary", "highlights"])
        self.check_corpus(corpus, wanted, "which shows the model what a summary should hold")
        marked = all("highlights" in corpus.splits[split].column_names for split in ("train", "validation"))
        return FittedExtractiveSummarization(self, by_highlights=self.supervision != "summary" and marked)


@final
class FittedExtractiveSummarization(FittedSummarization):
    """An extractive summarization task that has read its corpus."""

    config: ExtractiveSummarization

    def __init__(self, config: ExtractiveSummarization, *, by_highlights: bool) -> None:
        super().__init__(config)
        self.by_highlights = by_highlights
        self.facts = {
            "sentences are labelled by": "highlights" if by_highlights else "greedy ROUGE against the summary"
        }

    @property
    def selection(self) -> Selection:
        """The rule by which sentences are selected, for the model and the baselines alike."""
        return Selection(SummaryLength(self.config.length_unit, self.config.length), self.config.block_trigrams)

    def settings(self) -> dict[str, Any]:
        """Return the settings of windows and of selection."""
        names = ("max_length", "length_unit", "length", "block_trigrams")
        return {"overlap": self.config.repeated_tokens, **{name: getattr(self.config, name) for name in names}}

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Raise ConfigError for a tokenizer without markers; it stays as it is."""
        from nlp_transfer.data.encoding.sentence_windows import marker_ids

        if None in marker_ids(tokenizer):
            raise ConfigError(
                "task: extractive_summarization needs the tokens cls_token and sep_token, or bos_token and eos_token"
            )

    def encode(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """Return the tokens of every split; raise DataError if no training sentence is labelled."""
        from nlp_transfer.data.encoding.tokens import IGNORE_INDEX

        encoded = super().encode(corpus, tokenizer)
        if "train" not in encoded or _LABELS_FACT in self.facts or "labels" not in encoded["train"].features:
            return encoded
        labels = np.concatenate([np.asarray(row) for row in encoded["train"]["labels"]])
        right, scored = int((labels == 1).sum()), int((labels != IGNORE_INDEX).sum())
        if not right:
            advice = (
                "none of their passages marks one. Mark some, or set task.supervision: summary."
                if self.by_highlights
                else "no summary shares a word with its document. Check which column is the summary."
            )
            raise DataError(f"{corpus.origin}: no training sentence belongs into a summary: {advice}")
        self.facts[_LABELS_FACT] = f"{right:,} of {scored:,}"
        return encoded

    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return the columns of `encode_documents`."""
        from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder, encode_documents

        encoder = DocumentEncoder(tokenizer, self.max_length, self.config.repeated_tokens)
        return encode_documents(
            rows, encoder, label=oracle_labels, by_highlights=self.by_highlights, fingerprint=fingerprint
        )

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the numbers of the labelled sentences and the window of one row."""
        right = [str(number + 1) for number, label in zip(row["numbers"], row["labels"], strict=True) if label == 1]
        first, last = row["numbers"][0] + 1, row["numbers"][-1] + 1
        learned = f"of the sentences {first} to {last} these belong into a summary: {', '.join(right) or 'none'}"
        return learned, str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with layers between sentences."""
        from nlp_transfer.models.heads.extractive import load_extractive
        from nlp_transfer.models.positions import fit_positions

        loaded = load_extractive(reference)
        return fit_positions(loaded, self.max_length, reference.model, repeat=self.config.extend_positions)

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """Return the collator of windows."""
        from nlp_transfer.data.encoding.collators import SentenceCollator, padding_collator

        return SentenceCollator(padding_collator(tokenizer, compiled=compiled))

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the metrics of `SummaryRows`, and the mean loss of the scored sentences.

        Args:
            logits: shape (rows, sentences).
            labels: the same shape; below 0 for sentences that are not scored.
        """
        logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
        scored = labels >= 0
        signed = np.where(labels[scored] == 1, logits[scored], -logits[scored])
        loss = float(np.logaddexp(0.0, -signed).mean())
        return {"loss": loss, **super().score(logits, labels, interval=interval, rows=rows)}

    def documents(self, outputs: np.ndarray, rows: "Dataset") -> list[ExtractedSummary]:
        """Return the documents with their extracts; `outputs` are logits, shape (rows, sentences)."""
        return list(extracted_summaries(outputs, rows, self.selection))
