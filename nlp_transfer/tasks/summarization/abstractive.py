"""Abstractive summarisation: a network reads a document and writes its summary.

The network is an encoder with a decoder made of a copy of it (BERT2BERT), or any encoder-decoder by its name (T5, BART,
PEGASUS, LED, LongT5, …). A document longer than `max_length` tokens is read by windows, each of which is summarised and
learns those sentences of the summary that are about it; or an extractive summariser picks what is read of it.
Frozen encoder: `methods: [{name: partial_fine_tuning, layers: 0}]` trains the decoder alone.
Reference: Rothe et al. (2020), https://arxiv.org/abs/1907.12461 (BERT2BERT); Gidiotis & Tsoumakas (2020),
https://arxiv.org/abs/2004.06190 (windows); Liu et al. (2018), https://arxiv.org/abs/1801.10198 (extract, then abstract)
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.data import Corpus
from nlp_transfer.errors import CheckpointError, ConfigError, DataError, did_you_mean
from nlp_transfer.metrics.metric import SummaryRows
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores, FittedTask, Predictions, Task
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.tasks.summarization.baselines import (
    ORACLE,
    SUMMARY_BASELINES,
    SUMMARY_ROW_KEYS,
    by_baseline,
)
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.generated_summaries import GeneratedSummary, document_metrics, written_documents
from nlp_transfer.tasks.summarization.wording import ABSTRACTIVE
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.summary_pairs import PairEncoder, Ranking
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor

WINDOWS, EXTRACT, TRUNCATE = LONG_DOCUMENTS = ("windows", "extract", "truncate")
"""How a document is read that is longer than the encoder reads."""


@final
@dataclass(frozen=True)
class AbstractiveSummarization(Task):
    """Summarise documents in words of the model's own.

    Args:
        max_length: tokens the encoder reads at once, special tokens included.
        long_documents: how longer ones are read: by `windows` of sentences, whose summaries stand one after the other;
            `extract`: the sentences that `extractor` ranks highest; `cut`: as far as it goes.
        extractor: of `extract`, the folder of a run of extractive_summarization; it is saved with the model.
        max_summary_length: tokens that are written (of each window) at most; longer summaries are cut in training.
        min_summary_length: tokens that are written at least.
        num_beams: summaries that are pursued at once, of which the best is taken; 1 takes the likeliest next token.
        length_penalty: above 0 the search prefers longer summaries, the more the higher; below 0 shorter ones.
        no_repeat_ngram_size: no run of so many tokens is written twice; 0 allows all.
        share_weights: let encoder and decoder be one set of layers, where an encoder starts both.
        prefix: is put before each text, such as "summarize: " for T5.
        bertscore_model: an encoder by whose states summaries are scored, too, at the end (BERTScore).
    """

    name: ClassVar[str] = "abstractive_summarization"
    citation: ClassVar[str] = (
        "Rothe et al. (2020), https://arxiv.org/abs/1907.12461 (BERT2BERT); Gidiotis & Tsoumakas (2020), "
        "https://arxiv.org/abs/2004.06190 (windows); Liu et al. (2018), https://arxiv.org/abs/1801.10198 "
        "(extract, then abstract)"
    )
    primary_metric: ClassVar[str] = "rouge1"
    columns: ClassVar[Columns] = Columns(documents=True)
    provides: ClassVar[frozenset[Output]] = frozenset({Output.GENERATION, Output.POOLED, Output.HEAD})
    baseline_names: ClassVar[tuple[str, ...]] = tuple(SUMMARY_BASELINES)
    scored_rows: ClassVar[type] = SummaryRows
    ceiling: ClassVar[str] = ORACLE
    wording: ClassVar[Wording] = ABSTRACTIVE

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
        problems = [
            f"task.{name} is {getattr(self, name)}; expected {least} or more."
            for name, least in (
                ("max_length", 3),
                ("max_summary_length", 2),
                ("min_summary_length", 0),
                ("num_beams", 1),
                ("no_repeat_ngram_size", 0),
            )
            if getattr(self, name) < least
        ]
        problems += size_problems("task.", vars(self))
        if self.min_summary_length > self.max_summary_length >= 2:
            problems.append(
                f"task.min_summary_length is {self.min_summary_length}, above task.max_summary_length "
                f"({self.max_summary_length})."
            )
        if not math.isfinite(self.length_penalty):
            problems.append(f"task.length_penalty is {self.length_penalty}; expected a number.")
        if self.long_documents not in LONG_DOCUMENTS:
            problems.append(f"task.long_documents: {did_you_mean('value', self.long_documents, LONG_DOCUMENTS)}")
        elif (self.long_documents == EXTRACT) != (self.extractor is not None):
            problems.append(
                "task.extractor is missing: long_documents: extract needs the folder of a run of "
                "extractive_summarization."
                if self.extractor is None
                else f"task.extractor is set, and long_documents is {self.long_documents}. Set it to extract, or leave "
                "extractor out."
            )
        if problems:
            raise ConfigError(problems)

    @classmethod
    def metric_names(cls) -> tuple[str, ...]:
        """See `Task.metric_names`: no sentences are selected that could be right or wrong."""
        return tuple(name for name in super().metric_names() if name == "loss" or METRICS[name].table == 0)

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """See `Task.predictor_class`."""
        from nlp_transfer.tasks.summarization.abstractive_predictor import AbstractivePredictor

        return AbstractivePredictor

    def fit(self, corpus: Corpus) -> "FittedAbstractiveSummarization":
        """Return the task.

        Raises:
            DataError: the training or validation documents have no summaries.
        """
        lacking = [
            split
            for split in ("train", "validation")
            if split not in corpus.splits or "summary" not in corpus.splits[split].column_names
        ]
        if lacking:
            raise DataError(
                f"{corpus.origin}: the {' and '.join(lacking)} documents have no column 'summary', from which writing "
                "is learned. Name it with source.columns: {theirs: summary}."
            )
        bertscore_folder(self.bertscore_model)
        return FittedAbstractiveSummarization(self)


@final
class FittedAbstractiveSummarization(FittedTask):
    """An abstractive summarisation task that knows its tokenizer and its network. See `AbstractiveSummarization`.

    Attributes:
        ranking: ranks sentences of long documents, for `extract`; see `load_ranker`.
        ranked_by: identifies it.
    """

    config: AbstractiveSummarization
    row_keys: ClassVar[tuple[str, ...]] = SUMMARY_ROW_KEYS

    def __init__(self, config: AbstractiveSummarization) -> None:
        self.config = config
        self.name = config.name
        self.max_length = config.max_length
        self.facts = {}
        self.ranking: Ranking | None = None
        self.ranked_by = ""
        self._tokenizer: PreTrainedTokenizerBase | None = None
        self._start = self._fill = 0
        self._reference_sentences = 1

    @property
    def cut_at(self) -> int | None:
        """Nothing: windows are cut here, not by the tokenizer."""
        return None

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The network's."""
        if self._tokenizer is None:
            raise ValueError("The task has not seen its tokenizer yet: call encode first.")
        return self._tokenizer

    @property
    def baseline_sentences(self) -> int:
        """How many sentences a baseline takes: as many as a summary of the training documents has on average."""
        return self._reference_sentences

    def saved_with(self) -> dict[str, str]:
        """See `FittedTask.saved_with`: the extractor, where there is one."""
        return {} if self.config.extractor is None else {EXTRACTOR: self.config.extractor}

    def settings(self) -> dict[str, Any]:
        """See `FittedTask.settings`; how it writes stands in the network's own generation_config.json."""
        names = ("max_length", "max_summary_length", "long_documents", "prefix")
        return {"baseline_sentences": self.baseline_sentences, **{name: getattr(self.config, name) for name in names}}

    def load_ranker(self, device: "torch.device") -> None:
        """See `FittedTask.load_ranker`: the extractive summariser that ranks the sentences of long documents."""
        from nlp_transfer.models.files.manifest import folder_fingerprint
        from nlp_transfer.tasks.saved_folder import find_saved
        from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor

        if self.config.extractor is None:
            return
        try:
            saved = find_saved(self.config.extractor)
            extractor = ExtractivePredictor.from_saved(saved)
            self.ranked_by = folder_fingerprint(saved.files)
        except CheckpointError as error:
            raise ConfigError([f"task.extractor: {problem}" for problem in error.problems]) from error
        self.ranking = extractor.to(device).ranking()

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Nothing changes; raises ConfigError where `prefix` leaves no room."""
        if self.encoder(tokenizer).room < 1:
            raise ConfigError(
                f"task.max_length is {self.max_length}, and special tokens and task.prefix fill it. Raise it."
            )

    def encoder(self, tokenizer: "PreTrainedTokenizerBase") -> "PairEncoder":
        """What makes rows of documents."""
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

    def encode(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """See `FittedTask.encode`; for the columns see `encode_pairs`.

        Raises:
            DataError: nothing can be learned of the training documents.
        """
        from nlp_transfer.data.encoding.sentences import sentence_spans
        from nlp_transfer.data.encoding.summary_pairs import encode_pairs
        from nlp_transfer.metrics.summary_alignment import assign_sentences

        self._tokenizer, encoder = tokenizer, self.encoder(tokenizer)
        encoded = {
            split: encode_pairs(
                dataset,
                encoder,
                assign=assign_sentences,
                fingerprint=f"{corpus.fingerprint}-{split}",
                description=f"Tokenising {split}",
            )
            for split, dataset in corpus.splits.items()
        }
        if "train" in encoded and _SIZE_FACT not in self.facts and "summary" in corpus.splits["train"].column_names:
            sentences = [len(sentence_spans(text)) for text in corpus.splits["train"]["summary"]]
            self._reference_sentences = max(1, round(float(np.mean(sentences))))
            self.facts[_SIZE_FACT] = f"{np.mean(sentences):.1f}"
        return encoded

    def learned_rows(self, dataset: "Dataset") -> "Dataset":
        """See `FittedTask.learned_rows`: the windows of which something is to be written."""
        kept = [place for place, labels in enumerate(dataset["labels"]) if labels]
        if left := len(dataset) - len(kept):
            self.facts["training windows of which no summary says anything, left out"] = f"{left:,} of {len(dataset):,}"
        return dataset.select(kept) if left else dataset

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """See `FittedTask.example`."""
        written = str(tokenizer.decode(row["labels"], skip_special_tokens=True))
        return f"write: {written}", str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """See `FittedTask.build_model`; the network knows how to write."""
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
        """See `FittedTask.collator`; after `build_model`, which says with which token a summary begins."""
        from nlp_transfer.data.encoding.collators import COMPILED_MULTIPLE, PaddingCollator, PairCollator

        padding = PaddingCollator(tokenizer, COMPILED_MULTIPLE) if compiled else PaddingCollator(tokenizer)
        return PairCollator(padding, self._start, self._fill)

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """See `FittedTask.score`: those of `summary_metrics`.

        Args:
            logits: the tokens that were written, shape (rows, tokens).
            labels: not looked at: references are the whole summaries.
            interval: see `summary_metrics`.
            rows: the encoded rows.
        """
        if rows is None:
            raise ValueError("Summaries are scored by their documents: give the encoded rows.")
        bertscore = self.bertscore if interval else None
        return document_metrics(self.documents(logits, rows), interval=interval, bertscore=bertscore)

    @property
    def bertscore(self) -> "Path | None":
        """The folder of the encoder that BERTScore is computed with; None where it is not."""
        return bertscore_folder(self.config.bertscore_model)

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the loss of each row, shape (rows,), whose mean is that over all tokens of the batch.

        Args:
            logits: sums of token losses and numbers of tokens, shape (rows, 2), in the place of logits.
            labels: not used.
        """
        from nlp_transfer.models.heads.encoder_decoder import generation_row_losses

        return generation_row_losses(logits)

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """See `FittedTask.rows`."""
        from nlp_transfer.tasks.summarization.sections import written_row

        yield from map(written_row, self.documents(predictions.logits, encoded))

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """See `FittedTask.baselines`."""
        from nlp_transfer.tasks.summarization.sections import written_baseline_scores

        return by_baseline(
            names,
            predictions,
            lambda domain, split, one: written_baseline_scores(
                names, self.documents(one.logits, encoded[domain][split]), self.baseline_sentences, self.bertscore
            ),
        )

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """See `FittedTask.sections`: summaries that repeat a training summary."""
        from nlp_transfer.tasks.summarization.sections import repeated_summaries

        known = {tuple(plain_words(text)) for text in corpora["source"].splits["train"]["summary"]}
        found = {}
        for domain, splits in predictions.items():
            for split, one in splits.items():
                documents = self.documents(one.logits, encoded[domain][split])
                again, same = repeated_summaries(documents, known)
                of_references = "" if same is None else f"; of the references {same:,}"
                found[f"{domain} {split}"] = f"{again:,} of {len(documents):,}{of_references}"
        section = facts_section("Summaries that are a training summary word for word", found)
        return () if section is None else (section,)

    def documents(self, written: np.ndarray, rows: "Dataset") -> list[GeneratedSummary]:
        """The documents in their order, with what was written of their windows put together.

        Args:
            written: tokens, shape (rows, tokens).
            rows: encoded documents, all windows of each, in any order.
        """
        return list(written_documents(written, rows, self.tokenizer))


_SIZE_FACT = "sentences of a training summary, on average"
"""The fact that says how many there are; of the source, which is encoded first."""
