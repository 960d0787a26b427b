"""Find the entities of texts of any length, in bounded memory and in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.encoding.collators import PaddingCollator, TagCollator
from nlp_transfer.data.encoding.document_windows import WindowEncoder
from nlp_transfer.data.encoding.sentences import CharSpan
from nlp_transfer.data.encoding.token_characters import token_characters
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.encoding.token_tags import tagged_places, token_windows, tokenized
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.text_rows import dataset_rows, row_windows
from nlp_transfer.data.validation.row_kinds import ENTITIES
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.predictor import Evaluated, ExportablePredictor, Logits, progress
from nlp_transfer.tasks.saved_folder import LoadedNetwork, SavedModel
from nlp_transfer.tasks.token_classification import NAME, ROW_KEYS
from nlp_transfer.tasks.token_classification.baselines import marked_entities, mentions_of
from nlp_transfer.tasks.token_classification.entities import (
    EntityPrediction,
    TaggedText,
    entity_rows,
    text_row,
    with_probabilities,
    with_references,
)
from nlp_transfer.tasks.token_classification.sections import error_section

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

_ENTITIES = pa.list_(
    pa.struct(
        {
            "start": pa.int64(),
            "end": pa.int64(),
            "label": pa.string(),
            "text": pa.string(),
            "probability": pa.float64(),
            "decision": pa.string(),
        }
    )
)


@dataclass(frozen=True)
class EntityPredictor(ExportablePredictor):
    """A trained finder of entities; `max_length` is that of a window.

    Args:
        overlap: maximum number of tokens that a window repeats of the one before.
        unit: what has a tag; see `token_characters`.
        label_names: classes of entities.
        accept_from: probability from which entities are accepted; None if the model never abstains.
        known: mentions of the training texts, folded; None if they are not known.
    """

    task: ClassVar[str] = NAME
    kind: ClassVar[str] = ENTITIES
    references: ClassVar[tuple[str, ...]] = ("labels",)
    references_noun: ClassVar[str] = "marked entities (spans)"

    overlap: int
    unit: str
    label_names: Sequence[str]
    accept_from: float | None = None
    known: frozenset[str] | None = None

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load a token classifier that this package trained."""
        from transformers import AutoModelForTokenClassification

        state = saved.settings("token classifier", {"max_length": int, "overlap": int, "unit": str})
        loaded = saved.load_network(AutoModelForTokenClassification, "token classifier")
        if not loaded.tokenizer.is_fast:
            raise CheckpointError(f"{saved.name} has no fast tokenizer (tokenizer.json), which knows characters.")
        return cls.of_network(loaded, {**saved.record, **state}, str(saved.folder))

    @classmethod
    def of_network(cls, loaded: LoadedNetwork, record: Mapping[str, Any], origin: str) -> Self:
        """Return the predictor of a loaded network, with the settings of its record."""
        names = [loaded.config.id2label[i] for i in range(loaded.config.num_labels)]
        loaded.tokenizer.padding_side = "right"
        level = record.get("accept_from")
        return cls(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            max_length=int(record["max_length"]),
            origin=origin,
            overlap=int(record["overlap"]),
            unit=str(record["unit"]),
            label_names=[name[2:] for name in names[1::2]],
            accept_from=None if level is None else float(level),
        )

    def state(self) -> dict[str, Any]:
        """Return the settings of windows, and from which probability entities are accepted."""
        level = {} if self.accept_from is None else {"accept_from": self.accept_from}
        return {"max_length": self.max_length, "overlap": self.overlap, "unit": self.unit, **level}

    def with_training(self, corpora: Mapping[str, Corpus]) -> Self:
        """Return the predictor with the mentions of the source's training texts."""
        found = [mentions_of(corpus) for domain, corpus in corpora.items() if domain.startswith("source")]
        mentions = [one for one in found if one is not None]
        return replace(self, known=frozenset().union(*mentions) if mentions else None)

    def columns(self) -> dict[str, pa.DataType]:
        """Return the column of a table of predictions."""
        return {"entities": _ENTITIES}

    def predict_window(
        self, window: Sequence[tuple[Any, str]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[EntityPrediction]:
        """Yield the entities of each text."""
        tokens = tokenized([text for _, text in window], self.tokenizer)
        counts = [len(ids) for ids in tokens[0]]
        coverage.add(self.tokenizer, window, tokens[0], counts, counts)
        for text in self._tagged(window, tokens, max_tokens):
            yield EntityPrediction(text.id, text.found(self.label_names, self.accept_from))

    def _tagged(
        self, rows: Sequence[tuple[Any, str]], tokens: tuple[Sequence[list[int]], Sequence[Any]], max_tokens: int | None
    ) -> list[TaggedText]:
        """Return texts with the logits of their words."""
        encoder = WindowEncoder(self.tokenizer, self.max_length, self.overlap)
        characters = [token_characters(text, of, self.unit) for (_, text), of in zip(rows, tokens[1], strict=True)]
        windows = [
            (number, window)
            for number, ((_, text), ids, of, own) in enumerate(zip(rows, *tokens, characters, strict=True))
            for window in token_windows(text, ids, of, own, encoder)
        ]
        parts: list[list[np.ndarray]] = [[] for _ in rows]
        found = self._window_logits([window for _, window in windows], max_tokens)
        for (number, window), own in zip(windows, found, strict=True):
            parts[number].append(own[tagged_places(window)])
        logits = [np.concatenate(of) for of in parts]
        check_finite(np.concatenate([np.zeros((0, len(self.label_names) * 2 + 1)), *logits]), self.origin)
        texts = zip(rows, characters, logits, strict=True)
        return [TaggedText(row_id, text, with_characters(own), made) for (row_id, text), own, made in texts]

    def _window_logits(self, windows: Sequence[dict[str, Any]], max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of each window, shape (tokens, tags)."""
        collate = TagCollator(PaddingCollator(self.tokenizer))
        found: list[np.ndarray] = [np.zeros(0)] * len(windows)
        with batch_logits(self.model, len(windows)) as logits_of:
            lengths = [window["length"] for window in windows]
            for batch in token_budget_batches(lengths, self.batch_tokens(max_tokens)):
                inputs = collate([{"input_ids": windows[place]["input_ids"]} for place in batch])
                for place, own in zip(batch, logits_of(inputs), strict=True):
                    found[place] = own[: lengths[place]]
        return found

    def row_logits(self, rows: "Dataset") -> np.ndarray:
        """Return the logits of encoded windows; float32, shape (rows, tokens, tags), padded with 0."""
        found = self._window_logits([{"input_ids": row["input_ids"], "length": row["length"]} for row in rows])
        logits = np.zeros((len(found), max(map(len, found)), found[0].shape[1]), dtype=np.float32)
        for place, own in enumerate(found):
            logits[place, : len(own)] = own
        check_finite(logits, self.origin)
        return logits

    def text_logits(self, texts: Sequence[str], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of the words of each text, shape (words, tags)."""
        tagged = self._tagged(list(enumerate(texts)), tokenized(texts, self.tokenizer), max_tokens)
        return [one.logits for one in tagged]

    def decisions(self, texts: Sequence[str], logits: Logits) -> list[Any]:
        """Return the entities of each text, as characters and class."""
        made = []
        for text, offsets, own in zip(texts, tokenized(texts, self.tokenizer)[1], logits, strict=True):
            words = with_characters(token_characters(text, offsets, self.unit))
            made.append(TaggedText(None, text, words, own).entities(self.label_names))
        return made

    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """Return a batch of two texts."""
        options = {"truncation": True, "max_length": self.max_length, "return_token_type_ids": False}
        encoded = self.tokenizer(list(texts[:2]), **options)  # type: ignore[arg-type]
        return PaddingCollator(self.tokenizer)([{"input_ids": ids} for ids in encoded["input_ids"]])

    def load_corpus(self, config: CorpusConfig) -> Corpus:
        """Load texts with entities of the model's classes."""
        names = list(self.label_names)
        options = {"label_names": names, "labeled": True, "kind": self.kind, "run_columns": self.run_columns}
        return load_corpus(config, key="corpus", **options)  # type: ignore[arg-type]

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split."""
        coverage, texts = self.coverage(), list[TaggedText]()
        for window in row_windows(progress(dataset_rows(dataset))):
            tokens = tokenized([text for _, text in window], self.tokenizer)
            counts = [len(ids) for ids in tokens[0]]
            coverage.add(self.tokenizer, window, tokens[0], counts, counts)
            texts += self._tagged(window, tokens, max_tokens)
        coverage.log_warnings()
        marked = [
            with_references(one, of, self.label_names)
            for one, of in zip(texts, marked_entities(dataset, self.label_names), strict=True)
        ]
        made = [one.entities(self.label_names) for one in marked]
        rows = entity_rows(marked, made, self.label_names, known=self.known, interval=True)
        rows = with_probabilities(rows, marked, self.accept_from)
        section = error_section({"scored": {"texts": marked}}, self.label_names)
        lines = (text_row(one, one.found(self.label_names, self.accept_from)) for one in marked)
        return Evaluated(compute_scores(rows), {}, lines, ROW_KEYS, () if section is None else (section,))


def with_characters(characters: Sequence[CharSpan]) -> list[CharSpan]:
    """Return the characters of words, without the tokens that begin none."""
    return [(start, end) for start, end in characters if end]
