"""Write summaries of documents in constant memory, in their order.

Windows of all documents that are in memory together go through the network in batches of about as many tokens. A
summary comes with its checks: the sentences of the document that each of its sentences rests on, and the facts in it
that the document does not have. Computation is in float32, whatever the run trained in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.decoding import decode_texts
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.summary_pairs import PairEncoder
from nlp_transfer.data.input_texts import row_windows
from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.tasks.predictor import Evaluated, progress
from nlp_transfer.tasks.saved_folder import SavedModel, find_saved
from nlp_transfer.tasks.summarization.abstractive import EXTRACT, TRUNCATE, AbstractiveSummarization
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES, SUMMARY_ROW_KEYS
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.documents import DocumentPredictor, locate_sentences
from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor
from nlp_transfer.tasks.summarization.generated_summaries import (
    GeneratedSummary,
    WrittenSentence,
    document_metrics,
    join_chunk_summaries,
)
from nlp_transfer.tasks.summarization.generation_options import generation_config

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import GenerationConfig

    from nlp_transfer.metrics.factuality.unsupported import UnsupportedFact


@dataclass(frozen=True)
class WrittenSummary:
    """The summary that a network wrote of one document.

    Args:
        id: the document's.
        summary: empty of a document without text.
        sentences: of the summary, with the sentences of the document that each rests on.
        flags: facts of the summary that the document lacks.
    """

    id: Any
    summary: str
    sentences: list[WrittenSentence]
    flags: "list[UnsupportedFact]"

    def row(self) -> dict[str, Any]:
        """Return the summary as JSON holds it."""
        return {
            "id": self.id,
            "summary": self.summary,
            "sentences": [sentence.row() for sentence in self.sentences],
            "flags": [vars(flag) for flag in self.flags],
        }


@dataclass(frozen=True)
class AbstractivePredictor(DocumentPredictor):
    """A trained network that writes summaries.

    Args:
        max_summary_length: tokens of a reference, where one is encoded.
        long_documents: how longer documents are read; see `AbstractiveSummarization`.
        prefix: is put before each text.
        baseline_sentences: how many sentences a baseline takes.
        extractor: picks the sentences that are read of a long document, where `long_documents` is `extract`.
        generation: how it writes; None is the network's own `generation_config`.
        bertscore_model: an encoder for BERTScore, by which `evaluate` scores too.
    """

    task: ClassVar[str] = AbstractiveSummarization.name
    references: ClassVar[tuple[str, ...]] = ("summary",)
    references_noun: ClassVar[str] = "summaries"

    max_summary_length: int
    long_documents: str
    prefix: str
    baseline_sentences: int
    extractor: ExtractivePredictor | None = None
    generation: "GenerationConfig | None" = None
    bertscore_model: str | None = None

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load a network that writes summaries; see `Predictor.from_saved`."""
        from transformers import AutoModelForSeq2SeqLM

        record = saved.record
        try:
            state: dict[str, Any] = {
                "max_length": int(record["max_length"]),
                "max_summary_length": int(record["max_summary_length"]),
                "long_documents": str(record["long_documents"]),
                "prefix": str(record["prefix"]),
                "baseline_sentences": int(record["baseline_sentences"]),
            }
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{saved.name} is not a trained summariser: its config.json lacks how it reads ({error}). Expected the "
                "folder of a run of abstractive_summarization."
            ) from error
        if state["long_documents"] == EXTRACT:
            if not (saved.files / EXTRACTOR).is_dir():
                raise CheckpointError(
                    f"{saved.name} reads the sentences that an extractive summariser picks, and its folder lacks "
                    f"{EXTRACTOR}/, which holds it. Copy it from the run, or push the run again."
                )
            state["extractor"] = ExtractivePredictor.from_saved(find_saved(saved.files / EXTRACTOR))
        loaded = saved.load_network(AutoModelForSeq2SeqLM, "summariser")
        return cls(model=loaded.model, tokenizer=loaded.tokenizer, origin=str(saved.folder), **state)

    def state(self) -> dict[str, Any]:
        """See `Predictor.state`."""
        names = ("max_length", "max_summary_length", "long_documents", "prefix", "baseline_sentences")
        return {name: getattr(self, name) for name in names}

    def with_options(self, *, bertscore_model: str | None = None, **generation: Any) -> Self:
        """Return the summariser with other options of writing.

        Args:
            bertscore_model: an encoder for BERTScore, by which `evaluate` scores too.
            generation: settings of `GenerationConfig`, such as `num_beams` or `max_new_tokens`.

        Raises:
            ConfigError: see `generation_config`; or there is no such encoder.
        """
        bertscore_folder(bertscore_model, "--")
        changed = replace(self, bertscore_model=bertscore_model or self.bertscore_model)
        if not generation:
            return changed
        config = generation_config(self.model, self.tokenizer, self.generation, generation)
        return replace(changed, generation=config)

    def to(self, device: torch.device) -> Self:
        """See `Predictor.to`."""
        if self.extractor is not None:
            self.extractor.to(device)
        return super().to(device)

    def encoder(self, max_tokens: int | None = None) -> PairEncoder:
        """Return the encoder of documents.

        Args:
            max_tokens: of a batch of the extractor's.
        """
        return PairEncoder(
            self.tokenizer,
            self.max_length,
            self.max_summary_length,
            prefix=self.prefix,
            whole=self.long_documents == TRUNCATE,
            ranking=None if self.extractor is None else self.extractor.ranking(max_tokens=max_tokens),
        )

    def predictions(
        self, rows: Iterable[tuple[Any, str | list[str]]], max_tokens: int | None = None
    ) -> Iterator[WrittenSummary]:
        """See `Predictor.predictions` and `DocumentPredictor`."""
        for window in row_windows(self.watched(rows)):
            texts = [locate_sentences(document) for _, document in window]
            written = self._write([text for text, _ in texts], [spans for _, spans in texts], max_tokens)
            for (row_id, _), (text, spans), summary in zip(window, texts, written, strict=True):
                document = GeneratedSummary(str(row_id), text, spans, summary, None)
                yield WrittenSummary(row_id, summary, document.checked_sentences(), document.flags())

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """See `Predictor.evaluate`."""
        from nlp_transfer.tasks.summarization.sections import written_baseline_scores, written_row

        written = list(progress(self.summaries(dataset, max_tokens)))
        bertscore = bertscore_folder(self.bertscore_model, "--")
        metrics = document_metrics(written, interval=True, bertscore=bertscore)
        baselines = written_baseline_scores(list(SUMMARY_BASELINES), written, self.baseline_sentences, bertscore)
        return Evaluated(metrics, baselines, map(written_row, written), SUMMARY_ROW_KEYS)

    def summaries(self, dataset: "Dataset", max_tokens: int | None = None) -> Iterator[GeneratedSummary]:
        """Yield the summary of each document of a split, with its reference.

        Args:
            dataset: a split of a corpus of documents.
            max_tokens: see `predict`.
        """
        for window in row_windows((row, row["text"]) for row in dataset):
            texts = [text for _, text in window]
            spans = [sentence_spans(text, row["sentence_starts"]) for row, text in window]
            written = self._write(texts, spans, max_tokens)
            for (row, text), own, summary in zip(window, spans, written, strict=True):
                yield GeneratedSummary(row["id"], text, own, summary, row.get("summary"))

    def _write(self, texts: Sequence[str], spans: Sequence[Sequence[CharSpan]], max_tokens: int | None) -> list[str]:
        """Write the summary of each document."""
        encoder = self.encoder(max_tokens)
        with_text = [number for number, of in enumerate(spans) if of]
        sources = encoder.sources([texts[number] for number in with_text], [spans[number] for number in with_text])
        read = [(number, text) for number, of in zip(with_text, sources, strict=True) for text, _ in of]
        ids = encoder.read([text for _, text in read]) if read else []
        parts: list[list[str]] = [[] for _ in texts]
        for (number, _), text in zip(read, self._generate(ids, max_tokens), strict=True):
            parts[number].append(text)
        return [join_chunk_summaries(of) for of in parts]

    def _generate(self, ids: Sequence[list[int]], max_tokens: int | None) -> list[str]:
        """Write a text for each row of tokens."""
        network: Any = self.model
        collate = PaddingCollator(self.tokenizer)
        found = [""] * len(ids)
        with torch.inference_mode():
            for batch in token_budget_batches([len(row) for row in ids], self.batch_tokens(max_tokens)):
                inputs = collate([{"input_ids": ids[place]} for place in batch])
                inputs = {name: tensor.to(network.device) for name, tensor in inputs.items()}
                tokens = network.generate(**inputs, generation_config=self.generation)
                for place, text in zip(batch, decode_texts(tokens.tolist(), self.tokenizer), strict=True):
                    found[place] = text
        return found
