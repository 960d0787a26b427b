"""Entities of whole texts, put together from the tags of their windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.encoding.sentences import CharSpan
from nlp_transfer.data.encoding.token_tags import tagged_places, tagged_runs, tags_of
from nlp_transfer.errors import DataError
from nlp_transfer.metrics.metric import Entity, EntityRows
from nlp_transfer.tasks.token_classification.decoding import best_tags, span_probabilities

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus

PREDICT, ABSTAIN = "predict", "abstain"
"""Values of `FoundEntity.decision`."""


@dataclass(frozen=True)
class FoundEntity:
    """A predicted entity.

    Args:
        start: its first character in the text.
        end: the character after its last.
        probability: that exactly these characters are an entity of this class.
        decision: `predict`, or `abstain` where the model is not sure enough; None if it never abstains.
    """

    start: int
    end: int
    label: str
    text: str
    probability: float
    decision: str | None = None

    def row(self) -> dict[str, Any]:
        """Return the entity as JSON holds it, with its probability rounded to 6 decimals."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        return {**known, "probability": round(self.probability, 6)}


@dataclass(frozen=True)
class EntityPrediction:
    """The predicted entities of one text, in order.

    Example:
        >>> EntityPrediction(3, [FoundEntity(0, 4, "DRUG", "Zoxa", 0.75)]).row()
        {'id': 3, 'entities': [{'start': 0, 'end': 4, 'label': 'DRUG', 'text': 'Zoxa', 'probability': 0.75}]}
    """

    id: Any
    entities: Sequence[FoundEntity]

    def row(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it."""
        return {"id": self.id, "entities": [one.row() for one in self.entities]}


@dataclass(frozen=True)
class TaggedText:
    """A text with the logits of its words, and its entities if they are marked.

    Args:
        characters: of each word.
        logits: shape (words, tags).
        tags: the true one of each word; empty without references.
        inexact: number of references that begin or end inside a word.
    """

    id: Any
    text: str
    characters: Sequence[CharSpan]
    logits: np.ndarray
    references: Sequence[Entity] | None = None
    tags: Sequence[int] = ()
    inexact: int = 0

    def entities(self, label_names: Sequence[str]) -> list[Entity]:
        """Return the predicted entities, in order."""
        return [(start, end, label_names[run[2]]) for start, end, run in self._runs(self.log_probabilities())]

    def found(self, label_names: Sequence[str], accept_from: float | None = None) -> list[FoundEntity]:
        """Return them with their probabilities, and with decisions if they are accepted from a probability on."""
        logs = self.log_probabilities()
        runs = list(self._runs(logs))
        made = []
        chances = span_probabilities(np.exp(logs), [run for _, _, run in runs]) if runs else []
        for (start, end, (_, _, label)), chance in zip(runs, chances, strict=True):
            decision = None if accept_from is None else PREDICT if chance >= accept_from else ABSTAIN
            made.append(FoundEntity(start, end, label_names[label], self.text[start:end], chance, decision))
        return made

    def log_probabilities(self) -> np.ndarray:
        """Return the logarithm of the probability of each tag, shape (words, tags)."""
        from scipy.special import log_softmax

        logs: np.ndarray = log_softmax(np.asarray(self.logits, dtype=np.float64), axis=1)
        return logs

    def _runs(self, logs: np.ndarray) -> Iterator[tuple[int, int, tuple[int, int, int]]]:
        """Yield the characters of each entity with its words and class."""
        for first, last, label in tagged_runs(best_tags(logs).tolist()) if len(logs) else ():
            yield self.characters[first][0], max(end for _, end in self.characters[first:last]), (first, last, label)


def tagged_texts(logits: np.ndarray, rows: "Dataset", label_names: Sequence[str]) -> list[TaggedText]:
    """Return the texts whose windows are the rows, in the order of the corpus.

    Args:
        logits: shape (rows, tokens, tags), padded after the tokens of a row.
        rows: columns of `encode_tagged`, in any order.
    """
    windows: dict[int, list[tuple[dict[str, Any], np.ndarray]]] = {}
    for row, own in zip(rows, logits, strict=True):
        windows.setdefault(row["document"], []).append((row, own))
    return [_joined(sorted(windows[number], key=_end), label_names) for number in sorted(windows)]


def _end(window: tuple[dict[str, Any], np.ndarray]) -> int:
    row, _ = window
    return max((row["ends"][place] for place in tagged_places(row)), default=0)


def _joined(windows: Sequence[tuple[dict[str, Any], np.ndarray]], label_names: Sequence[str]) -> TaggedText:
    """Return the text of its windows, in order."""
    first, characters, logits, tags = windows[0][0], list[CharSpan](), [], []
    for row, own in windows:
        places = tagged_places(row)
        characters += [(row["starts"][place], row["ends"][place]) for place in places]
        logits.append(own[places])
        tags += [row["labels"][place] for place in places if "labels" in row]
    references = None
    if "labels" in first:
        marked = zip(first["span_starts"], first["span_ends"], first["classes"], strict=True)
        references = [(start, end, label_names[label]) for start, end, label in marked]
    inexact = first.get("inexact", 0)
    return TaggedText(first["id"], first["text"], characters, np.concatenate(logits), references, tags, inexact)


def with_references(text: TaggedText, references: Sequence[Entity], label_names: Sequence[str]) -> TaggedText:
    """Return a text with its marked entities, and the tags that follow from them."""
    starts, ends, names = zip(*references, strict=True) if references else ((), (), ())
    tags, inexact = tags_of(text.characters, starts, ends, [label_names.index(name) for name in names])
    return replace(text, references=references, tags=tags, inexact=inexact)


def check_marked(corpus: "Corpus") -> None:
    """Raise DataError for a source in which no entities are marked, or none to learn from or to choose by."""
    if corpus.label_column is None:
        raise DataError(
            f"{corpus.origin}: no entities are marked in the source. Name their column with source.columns: "
            "{theirs: spans}; a row's spans are [{start: 0, end: 4, label: DRUG}, …], in characters."
        )
    for name in ("train", "validation"):
        if name in corpus.splits and not any(map(len, corpus.splits[name]["labels"])):
            raise DataError(
                f"{corpus.origin}: none of the {len(corpus.splits[name]):,} rows of {name} has an entity. Give the "
                "split rows that have some, or let it be made: source.split."
            )


def entity_rows(
    texts: Sequence[TaggedText],
    predictions: Sequence[Sequence[Entity]],
    label_names: Sequence[str],
    *,
    known: frozenset[str] | None = None,
    interval: bool = False,
) -> EntityRows:
    """Return the rows that metrics of predictions for these texts are computed of; see `EntityRows`."""
    right = tokens = 0
    for one, made in zip(texts, predictions, strict=True):
        starts, ends, classes = zip(*made, strict=True) if made else ((), (), ())
        tags, _ = tags_of(one.characters, starts, ends, [label_names.index(name) for name in classes])
        right += sum(ours == true for ours, true in zip(tags, one.tags, strict=True))
        tokens += len(one.tags)
    references = [one.references or () for one in texts]
    tags_right = (right, tokens) if tokens else None
    names = [one.text for one in texts], predictions, references, label_names, known, tags_right
    return EntityRows(*names, interval=interval)


def with_probabilities(rows: EntityRows, texts: Sequence[TaggedText], accept_from: float | None) -> EntityRows:
    """Return the rows of a model with the probabilities of its entities, and from which on they are accepted."""
    chances = [[one.probability for one in text.found(rows.label_names)] for text in texts]
    return replace(rows, probabilities=chances, accept_from=accept_from)


def text_row(text: TaggedText, found: Sequence[FoundEntity]) -> dict[str, Any]:
    """Return a line of predictions of one text, without `split` and `domain`."""
    references = None
    if text.references is not None:
        marked = sorted(text.references)
        references = [{"start": a, "end": b, "label": name, "text": text.text[a:b]} for a, b, name in marked]
    return {"id": text.id, "entities": [one.row() for one in found], "references": references}


def token_loss(texts: Sequence[TaggedText]) -> float:
    """Return the mean cross-entropy of the words of texts with references."""
    losses = [-one.log_probabilities()[np.arange(len(one.tags)), one.tags] for one in texts if len(one.tags)]
    return float(np.concatenate(losses).mean()) if losses else 0.0
