"""Generate summaries of documents, in bounded memory and in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.decoding import decode_texts
from nlp_transfer.data.encoding.sentences import CharSpan
from nlp_transfer.data.encoding.summary_pairs import PairEncoder
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.tasks.saved_folder import SavedModel, find_saved
from nlp_transfer.tasks.summarization import ABSTRACTIVE, EXTRACT, TRUNCATE
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.documents import DocumentPredictor
from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor
from nlp_transfer.tasks.summarization.generation_options import generation_config
from nlp_transfer.tasks.summarization.selection import Selection
from nlp_transfer.tasks.summarization.summaries import GeneratedSummary, join_window_summaries

if TYPE_CHECKING:
    from transformers import GenerationConfig

_STATE = {"max_length": int, "max_summary_length": int, "long_documents": str, "prefix": str, "baseline_sentences": int}
"""The settings that a saved model records, with their types."""


@dataclass(frozen=True)
class AbstractivePredictor(DocumentPredictor):
    """A trained abstractive summarizer.

    Args:
        max_summary_length: maximum number of tokens of an encoded reference.
        long_documents: reading of longer documents; see `AbstractiveSummarization`.
        prefix: text before each document.
        baseline_sentences: sentences that a baseline selects.
        extractor: selects what is read of a long document, if `long_documents` is `extract`.
        generation: generation settings; None is the network's own `generation_config`.
    """

    task: ClassVar[str] = ABSTRACTIVE
    references: ClassVar[tuple[str, ...]] = ("summary",)
    references_noun: ClassVar[str] = "summaries"

    max_summary_length: int
    long_documents: str
    prefix: str
    baseline_sentences: int
    extractor: ExtractivePredictor | None = None
    generation: "GenerationConfig | None" = None

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load an abstractive summarizer."""
        from transformers import AutoModelForSeq2SeqLM

        state = saved.settings("summariser", _STATE)
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
        """Return the settings of reading."""
        return {name: getattr(self, name) for name in _STATE}

    def with_options(self, *, bertscore_model: str | None = None, **generation: Any) -> Self:
        """Return the summarizer with other options.

        Args:
            generation: settings of `GenerationConfig`, such as `num_beams` or `max_new_tokens`.
        """
        bertscore_folder(bertscore_model, "--")
        changed = replace(self, bertscore_model=bertscore_model or self.bertscore_model)
        if not generation:
            return changed
        config = generation_config(self.model, self.tokenizer, self.generation, generation)
        return replace(changed, generation=config)

    def to(self, device: torch.device) -> Self:
        """Move the network and the extractor to a device."""
        if self.extractor is not None:
            self.extractor.to(device)
        return super().to(device)

    def encoder(self, max_tokens: int | None = None) -> PairEncoder:
        """Return the encoder of documents; `max_tokens` is of the extractor's batches."""
        return PairEncoder(
            self.tokenizer,
            self.max_length,
            self.max_summary_length,
            prefix=self.prefix,
            whole=self.long_documents == TRUNCATE,
            ranking=None if self.extractor is None else self.extractor.ranking(max_tokens=max_tokens),
        )

    @property
    def baseline_selection(self) -> Selection:
        """The first `baseline_sentences` by rank, without repeated trigrams."""
        return Selection(SummaryLength("sentences", self.baseline_sentences))

    def summarize(
        self,
        rows: Sequence[Mapping[str, Any]],
        texts: Sequence[str],
        spans: Sequence[Sequence[CharSpan]],
        max_tokens: int | None,
    ) -> Iterator[GeneratedSummary]:
        """Yield the generated summary of each document."""
        encoder = self.encoder(max_tokens)
        with_text = [number for number, of in enumerate(spans) if of]
        sources = encoder.sources([texts[number] for number in with_text], [spans[number] for number in with_text])
        read = [(number, text) for number, of in zip(with_text, sources, strict=True) for text, _ in of]
        ids = encoder.read([text for _, text in read]) if read else []
        parts: list[list[str]] = [[] for _ in texts]
        for (number, _), text in zip(read, self._generate(ids, max_tokens), strict=True):
            parts[number].append(text)
        for row, text, own, written in zip(rows, texts, spans, parts, strict=True):
            yield GeneratedSummary(row["id"], text, own, row.get("summary"), join_window_summaries(written))

    def _generate(self, ids: Sequence[list[int]], max_tokens: int | None) -> list[str]:
        """Return a generated text for each row of tokens."""
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
