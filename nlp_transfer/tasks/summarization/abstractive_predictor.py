"""Write summaries of documents as they come, in constant memory, in their order.

Windows of all documents that are in memory together go through the network in batches of about as many tokens. What is
written comes with what can be checked of it: the sentences of the document that each of its sentences rests on, and
the numbers, dates, amounts and citations that the document does not have. Computation is in float32,
whatever the run trained in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.decoding import decode_texts
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.input_texts import row_windows
from nlp_transfer.files import json_line
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.tasks.summarization.extractive_predictor import CPU_MAX_TOKENS, MAX_TOKENS, locate_sentences, ranking
from nlp_transfer.tasks.summarization.generated_summaries import GeneratedSummary, WrittenSentence, join_chunk_summaries
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.metrics.factuality.unsupported import UnsupportedFact


@dataclass(frozen=True)
class WrittenSummary:
    """What a network wrote of one document.

    Args:
        id: the document's.
        summary: empty of a document without text.
        sentences: of the summary, with what each rests on.
        flags: what the summary has and the document lacks.
    """

    id: Any
    summary: str
    sentences: list[WrittenSentence]
    flags: "list[UnsupportedFact]"

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "id": self.id,
            "summary": self.summary,
            "sentences": [sentence.row() for sentence in self.sentences],
            "flags": [vars(flag) for flag in self.flags],
        }

    def line(self) -> bytes:
        """One line of JSON."""
        return json_line(self.row())


def write_summaries(
    summarizer: TrainedAbstractiveSummarizer,
    rows: Iterable[tuple[Any, str | list[str]]],
    *,
    max_tokens: int | None = None,
) -> Iterator[WrittenSummary]:
    """Summarise documents in their order.

    Args:
        summarizer: on the device that it shall run on.
        rows: (id, document); a document is a text or the list of its sentences, whose offsets then count in the text
            that has one of them a line. Read a window at a time, as many as memory is meant for.
        max_tokens: tokens of a batch that are read, padding counted; None is `CPU_MAX_TOKENS` or `MAX_TOKENS`.

    Raises:
        DataError: what `rows` raises.
    """
    for window in row_windows(rows):
        texts = [locate_sentences(document) for _, document in window]
        written = _written(summarizer, [text for text, _ in texts], [spans for _, spans in texts], max_tokens)
        for (row_id, _), (text, spans), summary in zip(window, texts, written, strict=True):
            document = GeneratedSummary(str(row_id), text, spans, summary, None)
            yield WrittenSummary(row_id, summary, document.checked_sentences(), document.flags())


def write_documents(
    summarizer: TrainedAbstractiveSummarizer, dataset: "Dataset", *, max_tokens: int | None = None
) -> Iterator[GeneratedSummary]:
    """What a network writes of a corpus's documents, beside what people wrote.

    Args:
        summarizer: on the device that it shall run on.
        dataset: a split of a corpus of documents.
        max_tokens: see `write_summaries`.
    """
    for window in row_windows((row, row["text"]) for row in dataset):
        texts = [text for _, text in window]
        spans = [sentence_spans(text, row["sentence_starts"]) for row, text in window]
        written = _written(summarizer, texts, spans, max_tokens)
        for (row, text), own, summary in zip(window, spans, written, strict=True):
            yield GeneratedSummary(row["id"], text, own, summary, row.get("summary"))


def _written(
    summarizer: TrainedAbstractiveSummarizer,
    texts: Sequence[str],
    spans: Sequence[Sequence[CharSpan]],
    max_tokens: int | None,
) -> list[str]:
    """The summary of each document."""
    network: Any = summarizer.model
    device = network.device
    if max_tokens is None:
        max_tokens = CPU_MAX_TOKENS if device.type == "cpu" else MAX_TOKENS
    extractor = summarizer.extractor
    encoder = summarizer.encoder(None if extractor is None else ranking(extractor, max_tokens=max_tokens))
    with_text = [number for number, of in enumerate(spans) if of]
    sources = encoder.sources([texts[number] for number in with_text], [spans[number] for number in with_text])
    read = [(number, text) for number, of in zip(with_text, sources, strict=True) for text, _ in of]
    ids = encoder.read([text for _, text in read]) if read else []
    collate = PaddingCollator(summarizer.tokenizer)
    found = [""] * len(ids)
    with torch.inference_mode():
        for batch in token_budget_batches([len(row) for row in ids], max_tokens):
            inputs = collate([{"input_ids": ids[place]} for place in batch])
            inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
            tokens = network.generate(**inputs, generation_config=summarizer.generation)
            for place, text in zip(batch, decode_texts(tokens.tolist(), summarizer.tokenizer), strict=True):
                found[place] = text
    parts: list[list[str]] = [[] for _ in texts]
    for (number, _), text in zip(read, found, strict=True):
        parts[number].append(text)
    return [join_chunk_summaries(of) for of in parts]
