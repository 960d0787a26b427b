"""Abstractive summarization: an encoder-decoder reads a document and writes its summary."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.data.encoding.sentences import sentence_spans
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.summarization import ABSTRACTIVE, EXTRACT, LONG_DOCUMENTS, TRUNCATE
from nlp_transfer.tasks.summarization.base import ABSTRACTIVE_WORDING, FittedSummarization, Summarization
from nlp_transfer.tasks.summarization.selection import Selection
from nlp_transfer.tasks.summarization.summaries import GeneratedSummary, generated_summaries
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.summary_pairs import PairEncoder, Ranking
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor


@final
@dataclass(frozen=True)
class AbstractiveSummarization(Summarization):
    """Summarize documents in the model's own words.

    Args:
        max_length: maximum number of tokens that the encoder reads at once, special tokens included.
        long_documents: reading of longer documents: `windows` of sentences, whose summaries are joined; `extract`, the
            sentences that `extractor` ranks highest; `truncate` at `max_length`.
        extractor: for `extract`, the folder of a run of extractive_summarization; it is saved with the model.
        max_summary_length: maximum number of tokens of a summary (of each window); references are truncated.
        min_summary_length: minimum number of tokens of a summary.
        num_beams: beams of the search; 1 is greedy search.
        length_penalty: above 0 the search prefers longer summaries, below 0 shorter ones.
        no_repeat_ngram_size: tokens in a row that are not written twice; 0 allows all.
        share_weights: share the layers of an encoder with its decoder.
        prefix: text before each document, such as "summarize: " for T5.
        bertscore_model: an encoder to score summaries with at the end (BERTScore).

    Example:
        >>> corpus = load_corpus(CorpusConfig("papers"), kind="documents")
        >>> AbstractiveSummarization(max_length=64).fit(corpus).name
        'abstractive_summarization'
    """

    name: ClassVar[str] = ABSTRACTIVE
    citation: ClassVar[str] = (
        "Rothe et al. (2020), https://arxiv.org/abs/1907.12461 (BERT2BERT); Gidiotis & Tsoumakas (2020), "
        "https://arxiv.org/abs/2004.06190 (windows); Liu et al. (2018), https://arxiv.org/abs/1801.10198 "
        "(extract, then abstract)"
    )
    provides: ClassVar[frozenset[Output]] = frozenset({Output.TOKENS, Output.GENERATION, Output.POOLED, Output.HEAD})
    wording: ClassVar[Wording] = ABSTRACTIVE_WORDING

    max_length: int = 512
    long_documents: Literal["windows", "extract", "truncate"] = "windows"
    extractor: str | None = None
    max_summary_length: int = 128
    min_summary_length: int = 0
    num_beams: int = 4
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 3
    share_weights: bool = False
    prefix: str = ""
    bertscore_model: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        least = {"max_length": 3, "max_summary_length": 2, "num_beams": 1}
        least |= {"min_summary_length": 0, "no_repeat_ngram_size": 0}
        problems = [
            f"task.{name} is {getattr(self, name)}; expected {bound} or more."
            for name, bound in least.items()
            if getattr(self, name) < bound
        ]
        problems += size_problems("task.", vars(self))
        if self.min_summary_length > self.max_summary_length >= 2:
            most = self.max_summary_length
            problems.append(f"task.min_summary_length is {self.min_summary_length}, above max_summary_length ({most}).")
        if not math.isfinite(self.length_penalty):
            problems.append(f"task.length_penalty is {self.length_penalty}; expected a number.")
        if self.long_documents not in LONG_DOCUMENTS:
            problems.append(f"task.long_documents: {did_you_mean('value', self.long_documents, LONG_DOCUMENTS)}")
        elif (self.long_documents == EXTRACT) != (self.extractor is not None):
            problems.append(
                "task.extractor is missing: long_documents: extract needs the folder of an extractive run."
                if self.extractor is None
                else f"task.extractor is set, and long_documents is {self.long_documents}; expected extract."
            )
        if problems:
            raise ConfigError(problems)

    @classmethod
    def metric_names(cls) -> tuple[str, ...]:
        """Return the metrics of generated summaries, which select no sentences."""
        return tuple(name for name in super().metric_names() if name == "loss" or METRICS[name].table == 0)

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `AbstractivePredictor`."""
        from nlp_transfer.tasks.summarization.abstractive_predictor import AbstractivePredictor

        return AbstractivePredictor

    def fit(self, corpus: Corpus) -> "FittedAbstractiveSummarization":
        """Return the task; raise DataError for documents without summaries."""
        self.check_corpus(corpus, ["summary"], "from which writing is learned")
        sentences = [len(sentence_spans(text)) for text in corpus.splits["train"]["summary"]]
        return FittedAbstractiveSummarization(self, float(np.mean(sentences)))


@final
class FittedAbstractiveSummarization(FittedSummarization):
    """An abstractive summarization task that has read its corpus.

    Attributes:
        tokenizer: of the network, known once documents are encoded.
        ranking: ranks the sentences of long documents, for `extract`.
        ranked_by: fingerprint of the model that ranks.
        baseline_sentences: sentences that a baseline selects, as many as training summaries have on average.
    """

    config: AbstractiveSummarization
    tokenizer: "PreTrainedTokenizerBase"

    def __init__(self, config: AbstractiveSummarization, reference_sentences: float) -> None:
        super().__init__(config)
        self.facts = {"sentences of a training summary, on average": f"{reference_sentences:.1f}"}
        self.baseline_sentences = max(1, round(reference_sentences))
        self.ranking: Ranking | None = None
        self.ranked_by = ""
        self._start = self._fill = 0

    @property
    def selection(self) -> Selection:
        """The first `baseline_sentences` by rank, without repeated trigrams."""
        return Selection(SummaryLength("sentences", self.baseline_sentences))

    def saved_with(self) -> dict[str, str]:
        """Return the extractor, if any."""
        return {} if self.config.extractor is None else {EXTRACTOR: self.config.extractor}

    def settings(self) -> dict[str, Any]:
        """Return the settings of reading; generation_config.json has those of writing."""
        names = ("max_length", "max_summary_length", "long_documents", "prefix")
        return {"baseline_sentences": self.baseline_sentences, **{name: getattr(self.config, name) for name in names}}

    def load_ranker(self, device: "torch.device") -> None:
        """Load the extractive summarizer that ranks the sentences of long documents."""
        from nlp_transfer.tasks.summarization.extractive_predictor import load_ranking

        if self.config.extractor is not None:
            self.ranking, self.ranked_by = load_ranking(self.config.extractor, device)

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Raise ConfigError if `prefix` leaves no room; the tokenizer stays as it is."""
        if self.encoder(tokenizer).room < 1:
            raise ConfigError(
                f"task.max_length is {self.max_length}, and special tokens and task.prefix fill it. Raise it."
            )

    def encoder(self, tokenizer: "PreTrainedTokenizerBase") -> "PairEncoder":
        """Return the encoder of documents."""
        from nlp_transfer.data.encoding.summary_pairs import PairEncoder

        return PairEncoder(
            tokenizer,
            self.config.max_length,
            self.config.max_summary_length,
            prefix=self.config.prefix,
            whole=self.config.long_documents == TRUNCATE,
            ranking=self.ranking,
            ranked_by=self.ranked_by,
        )

    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return the columns of `encode_pairs`."""
        from nlp_transfer.data.encoding.summary_pairs import encode_pairs
        from nlp_transfer.metrics.sentence_selection import assign_sentences

        self.tokenizer = tokenizer
        return encode_pairs(rows, self.encoder(tokenizer), assign=assign_sentences, fingerprint=fingerprint)

    def learned_rows(self, dataset: "Dataset") -> "Dataset":
        """Return the windows that a sentence of the summary is assigned to."""
        kept = [place for place, labels in enumerate(dataset["labels"]) if labels]
        if left := len(dataset) - len(kept):
            self.facts["training windows without a summary sentence, left out"] = f"{left:,} of {len(dataset):,}"
        return dataset.select(kept) if left else dataset

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the summary and the window of one row."""
        written = str(tokenizer.decode(row["labels"], skip_special_tokens=True))
        return f"write: {written}", str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder-decoder with its generation settings."""
        from nlp_transfer.data.encoding.sentence_windows import marker_ids
        from nlp_transfer.models.heads.encoder_decoder import (
            SpecialTokens,
            load_encoder_decoder,
            positions,
            set_generation,
        )

        loaded = load_encoder_decoder(
            reference,
            special_tokens=SpecialTokens(*marker_ids(self.tokenizer), self.tokenizer.pad_token_id),
            share_weights=self.config.share_weights,
        )
        config = loaded.model.config
        for side, key in (("encoder", "max_length"), ("decoder", "max_summary_length")):
            most, wanted = positions(config, side), getattr(self.config, key)
            if most is not None and wanted > most:
                raise ConfigError(
                    f"task.{key} is {wanted}, but the {side} of {reference.model} has {most} positions. Set it to "
                    f"{most} or less."
                )
        set_generation(
            loaded.model,
            max_new_tokens=self.config.max_summary_length,
            min_new_tokens=self.config.min_summary_length,
            num_beams=self.config.num_beams,
            length_penalty=self.config.length_penalty,
            no_repeat_ngram_size=self.config.no_repeat_ngram_size,
        )
        self._start, self._fill = config.decoder_start_token_id, config.pad_token_id
        return loaded

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """Return the collator of documents and summaries; `build_model` sets the token that begins a summary."""
        from nlp_transfer.data.encoding.collators import PairCollator, padding_collator

        return PairCollator(padding_collator(tokenizer, compiled=compiled), self._start, self._fill)

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return token losses, shape (rows,), of sums and numbers of tokens in the place of logits, shape (rows, 2)."""
        from nlp_transfer.models.heads.token_losses import row_losses

        return row_losses(logits)

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the sections on length, and on summaries that repeat a training summary."""
        from nlp_transfer.tasks.summarization.sections import repetition_sections, summary_sections

        documents = self.documents_by_split(predictions, encoded)
        known = corpora["source"].splits["train"]["summary"]
        return (*repetition_sections(documents, known), *summary_sections(documents))

    def documents(self, outputs: np.ndarray, rows: "Dataset") -> list[GeneratedSummary]:
        """Return the documents with their generated summaries; `outputs` are tokens, shape (rows, tokens)."""
        return list(generated_summaries(outputs, rows, self.tokenizer))
