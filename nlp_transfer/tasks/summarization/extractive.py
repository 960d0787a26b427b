"""Extractive summarisation: score the sentences of a document, and take the best.

Each sentence gets a marker; the encoder's states of the markers go through layers between sentences to one score a
sentence. A document longer than `max_length` tokens is read in overlapping windows, and each sentence is scored once.
The labels are those that people marked (`highlights`), or those of greedy ROUGE against the summary.
Reference: Liu & Lapata (2019), https://arxiv.org/abs/1908.08345 (BertSumExt), https://arxiv.org/abs/1903.10318
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.data import Corpus
from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.metrics.metric import Scores, SummaryRows
from nlp_transfer.metrics.sentence_selection import UNITS
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores, FittedTask, Predictions, Task
from nlp_transfer.tasks.summarization.baselines import ORACLE, SUMMARY_BASELINES, SUMMARY_ROW_KEYS, by_baseline
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.extracted_summaries import ExtractedSummary, document_metrics, scored_documents
from nlp_transfer.tasks.summarization.wording import EXTRACTIVE
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.metrics.sentence_selection import SummaryLength
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor

SUPERVISION = ("auto", "highlights", "summary")


@final
@dataclass(frozen=True)
class ExtractiveSummarization(Task):
    """Summarise documents by sentences of theirs.

    Args:
        max_length: tokens the encoder reads at once, markers included; a longer document goes on in further windows.
        overlap: tokens that a window may repeat of the one before, as context; null is a quarter of `max_length`.
        extend_positions: let an encoder read `max_length` tokens that has positions for fewer: they are repeated.
        supervision: labels of the sentences: the column `highlights`, or what greedy ROUGE takes by the `summary`;
            `auto` is highlights where there are any.
        length_unit: what a summary's size is counted in: `sentences`, `words`, `characters`, or `share` of the words of
            the document.
        length: its size: 3 sentences, 100 words, …; of `share` 0 < size <= 1.
        block_trigrams: pass over a sentence that shares three words in a row with one that is taken.
        bertscore_model: an encoder by whose states summaries are scored, too, at the end (BERTScore).
    """

    name: ClassVar[str] = "extractive_summarization"
    citation: ClassVar[str] = (
        "Liu & Lapata (2019), https://arxiv.org/abs/1908.08345 (BertSumExt), https://arxiv.org/abs/1903.10318"
    )
    primary_metric: ClassVar[str] = "rouge1"
    columns: ClassVar[Columns] = Columns(documents=True)
    provides: ClassVar[frozenset[Output]] = frozenset({Output.SPANS, Output.HEAD})
    baseline_names: ClassVar[tuple[str, ...]] = tuple(SUMMARY_BASELINES)
    scored_rows: ClassVar[type] = SummaryRows
    ceiling: ClassVar[str] = ORACLE
    wording: ClassVar[Wording] = EXTRACTIVE

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
        if self.max_length < 3:
            problems.append(f"task.max_length is {self.max_length}; a sentence needs at least 3 tokens.")
        elif not 0 <= self.repeated_tokens <= self.max_length // 2:
            problems.append(f"task.overlap is {self.overlap}; expected 0 to half of task.max_length, or null.")
        if self.supervision not in SUPERVISION:
            problems.append(f"task.supervision: {did_you_mean('value', self.supervision, SUPERVISION)}")
        problems += length_problems(self.length_unit, self.length, "task.")
        if problems:
            raise ConfigError(problems)

    @property
    def repeated_tokens(self) -> int:
        """`overlap`, or what it is where it is null."""
        return self.max_length // 4 if self.overlap is None else self.overlap

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """See `Task.headline_metrics`: without references, the F1 of sentences."""
        return [cls.primary_metric if cls.primary_metric in scores else "f1"]

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """See `Task.predictor_class`."""
        from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor

        return ExtractivePredictor

    def fit(self, corpus: Corpus) -> "FittedExtractiveSummarization":
        """Return the task with the source of its labels.

        Raises:
            DataError: the training or validation documents have neither.
        """
        wanted = {"highlights": ["highlights"], "summary": ["summary"]}.get(self.supervision, ["summary", "highlights"])
        lacking = [
            split
            for split in ("train", "validation")
            if split not in corpus.splits or not set(wanted) & set(corpus.splits[split].column_names)
        ]
        if lacking:
            raise DataError(
                f"{corpus.origin}: the {' and '.join(lacking)} documents have no column "
                f"{' or '.join(map(repr, wanted))}, which says what a summary should hold. Name it with "
                f"source.columns: {{theirs: {wanted[0]}}}."
            )
        marked = all("highlights" in corpus.splits[split].column_names for split in ("train", "validation"))
        bertscore_folder(self.bertscore_model)
        return FittedExtractiveSummarization(self, by_highlights=self.supervision != "summary" and marked)


def length_problems(unit: str, size: float, where: str) -> list[str]:
    """What is wrong with how much is taken, worded for the settings that begin with `where`."""
    if unit not in UNITS:
        return [f"{where}length_unit: {did_you_mean('value', unit, UNITS)}"]
    if unit == "share":
        return [] if 0 < size <= 1 else [f"{where}length is {size:g}; a share is above 0 and at most 1, such as 0.2."]
    if 1 <= size < math.inf and size == int(size):
        return []
    return [f"{where}length is {size:g}; expected a whole number of {unit}, 1 or more."]


@final
class FittedExtractiveSummarization(FittedTask):
    """An extractive summarisation task that knows where its labels are from. See `ExtractiveSummarization`."""

    config: ExtractiveSummarization
    row_keys: ClassVar[tuple[str, ...]] = SUMMARY_ROW_KEYS

    def __init__(self, config: ExtractiveSummarization, *, by_highlights: bool) -> None:
        self.config = config
        self.name = config.name
        self.max_length = config.max_length
        self.by_highlights = by_highlights
        self.facts = {
            "sentences are labelled by": "highlights" if by_highlights else "greedy ROUGE against the summary"
        }

    @property
    def cut_at(self) -> int | None:
        """Nothing: windows are cut here, not by the tokenizer."""
        return None

    @property
    def budget(self) -> "SummaryLength":
        """How much is taken."""
        from nlp_transfer.metrics.sentence_selection import SummaryLength

        return SummaryLength(self.config.length_unit, self.config.length)

    def settings(self) -> dict[str, Any]:
        """See `FittedTask.settings`."""
        names = ("max_length", "length_unit", "length", "block_trigrams")
        return {"overlap": self.config.repeated_tokens, **{name: getattr(self.config, name) for name in names}}

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Nothing changes; raises ConfigError where the tokenizer has no markers."""
        from nlp_transfer.data.encoding.sentence_windows import marker_ids

        if None in marker_ids(tokenizer):
            raise ConfigError(
                "task: extractive_summarization needs a tokenizer with a token that begins a text and one that ends it "
                "(cls_token and sep_token, or bos_token and eos_token), and this one lacks them."
            )

    def encode(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """See `FittedTask.encode`; for the columns see `encode_documents`."""
        from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder, encode_documents

        encoder = DocumentEncoder(tokenizer, self.config.max_length, self.config.repeated_tokens)
        encoded = {
            split: encode_documents(
                dataset,
                encoder,
                label=oracle_labels,
                by_highlights=self.by_highlights,
                fingerprint=f"{corpus.fingerprint}-{split}",
                description=f"Tokenising {split}",
            )
            for split, dataset in corpus.splits.items()
        }
        self._count_labels(corpus, encoded)
        return encoded

    def _count_labels(self, corpus: Corpus, encoded: "dict[str, Dataset]") -> None:
        """Note how many of the training sentences are right; raises DataError where none is."""
        from nlp_transfer.data.encoding.tokens import IGNORE_INDEX

        if "train" not in encoded or self.labelled_sentences in self.facts or "labels" not in encoded["train"].features:
            return
        labels = np.concatenate([np.asarray(row) for row in encoded["train"]["labels"]])
        right, scored = int((labels == 1).sum()), int((labels != IGNORE_INDEX).sum())
        if not right:
            advice = (
                "none of their passages marks one. Mark some, or set task.supervision: summary."
                if self.by_highlights
                else "no summary shares a word with its document. Check which column is the summary."
            )
            raise DataError(f"{corpus.origin}: no training sentence belongs into a summary: {advice}")
        self.facts[self.labelled_sentences] = f"{right:,} of {scored:,}"

    labelled_sentences = "training sentences that belong into a summary"
    """The fact that says how many there are; of the source, which is encoded first."""

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """See `FittedTask.example`: the numbers of the labelled sentences."""
        right = [str(number + 1) for number, label in zip(row["numbers"], row["labels"], strict=True) if label == 1]
        first, last = row["numbers"][0] + 1, row["numbers"][-1] + 1
        learned = f"of the sentences {first} to {last} these belong into a summary: {', '.join(right) or 'none'}"
        return learned, str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """See `FittedTask.build_model`."""
        from nlp_transfer.models.heads.extractive import load_extractive
        from nlp_transfer.models.positions import fit_positions

        loaded = load_extractive(reference)
        return fit_positions(loaded, self.max_length, reference.model, repeat=self.config.extend_positions)

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """See `FittedTask.collator`."""
        from nlp_transfer.data.encoding.collators import COMPILED_MULTIPLE, PaddingCollator, SentenceCollator

        return SentenceCollator(
            PaddingCollator(tokenizer, COMPILED_MULTIPLE) if compiled else PaddingCollator(tokenizer)
        )

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """See `FittedTask.score`: those of `summary_metrics`, and the loss, the mean over scored sentences.

        Args:
            logits: shape (rows, sentences); what is beyond a row's sentences is not looked at.
            labels: the same shape; what is no label of a scored sentence is below 0.
            interval: see `summary_metrics`.
            rows: the encoded rows.
        """
        if rows is None:
            raise ValueError("Summaries are scored by their documents: give the encoded rows.")
        logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
        scored = labels >= 0
        signed = np.where(labels[scored] == 1, logits[scored], -logits[scored])
        loss = float(np.logaddexp(0.0, -signed).mean())
        bertscore = self.bertscore if interval else None
        return {"loss": loss, **document_metrics(self.documents(logits, rows), interval=interval, bertscore=bertscore)}

    @property
    def bertscore(self) -> "Path | None":
        """The folder of the encoder that BERTScore is computed with; None where it is not."""
        return bertscore_folder(self.config.bertscore_model)

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """See `FittedTask.rows`."""
        from nlp_transfer.tasks.summarization.sections import summary_row

        yield from map(summary_row, self.documents(predictions.logits, encoded))

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """See `FittedTask.baselines`."""
        from nlp_transfer.tasks.summarization.sections import baseline_scores

        return by_baseline(
            names,
            predictions,
            lambda domain, split, one: baseline_scores(
                names, self.documents(one.logits, encoded[domain][split]), self, self.bertscore
            ),
        )

    def documents(self, logits: np.ndarray, rows: "Dataset") -> list[ExtractedSummary]:
        """The documents in their order, put together from the windows in which their sentences are scored.

        Args:
            logits: shape (rows, sentences).
            rows: encoded documents, all windows of each, in any order.
        """
        return list(scored_documents(logits, rows, self.select))

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        """The numbers of the sentences that a summary takes."""
        from nlp_transfer.metrics.sentence_selection import select_sentences

        return select_sentences(scores, sentences, self.budget, block_trigrams=self.config.block_trigrams)


def oracle_labels(sentences: Sequence[str], summary: str) -> list[int]:
    """1 for the sentences that greedy ROUGE takes by a summary, 0 for the others."""
    from nlp_transfer.metrics.sentence_selection import greedy_oracle

    taken = set(greedy_oracle(sentences, summary))
    return [int(number in taken) for number in range(len(sentences))]
