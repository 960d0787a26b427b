"""Metrics of entities: strict and partial matches, by class, and of mentions that training did not have.

    strict    same characters and class
    partial   same characters count 1, overlapping ones 1/2, whatever the class
    type      overlapping entities of the same class count 1

Precision, recall and F1 are counted over all texts together. Intervals resample texts (95 % percentile bootstrap).
References: SemEval 2013 task 9.1, https://aclanthology.org/S13-2056 (partial and type, computed by nervaluate);
Augenstein et al. (2017), https://arxiv.org/abs/1701.02877 (unseen mentions)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval
from nlp_transfer.metrics.metric import Entity, EntityRows
from nlp_transfer.metrics.probability_scores import BINS, ROWS_A_BIN
from nlp_transfer.metrics.row_scores import CountScores


def entity_scores(rows: EntityRows) -> dict[str, Any]:
    """Compute the metrics of entities, with `per_class`, `entities` and `rows`, the numbers of references and texts."""
    counts = match_counts(rows)
    hits, made, true = counts.sum(axis=0)
    scores: dict[str, Any] = {"rows": len(rows.texts), "entities": int(true)}
    scores |= dict(zip(("entity_precision", "entity_recall", "entity_f1"), _rates(hits, made, true), strict=True))
    if rows.interval and len(counts):
        (resampled,) = CountScores(counts[None]).resampled(BOOTSTRAP_SAMPLES, 0)
        low, high = percentile_interval(resampled)
        scores |= {"entity_f1_low": low, "entity_f1_high": high}
    scores["per_class"] = {name: _class_scores(rows, name) for name in rows.label_names}
    present = [one["f1"] for one in scores["per_class"].values() if one["support"] or one["predicted"]]
    scores["entity_macro_f1"] = float(np.mean(present)) if present else 0.0
    scores |= _lenient(rows)
    if rows.known is not None:
        unseen = replace(rows, predictions=_unseen(rows, rows.predictions), references=_unseen(rows, rows.references))
        own = match_counts(unseen).sum(axis=0)
        scores |= {"unseen_entities": int(own[2]), "unseen_f1": _rates(*own)[2] if own[2] else None}
    if rows.tags_right is not None:
        scores["tag_accuracy"] = rows.tags_right[0] / max(rows.tags_right[1], 1)
    return scores | _confidence_scores(rows)


def _confidence_scores(rows: EntityRows) -> dict[str, float | None]:
    """Return the calibration error of the entities' probabilities, and what abstention leaves."""
    if rows.probabilities is None:
        return {}
    sides = zip(rows.predictions, rows.references, strict=True)
    right = np.array([one in true for made, true in sides for one in made], dtype=float)
    chances = np.array([chance for of_text in rows.probabilities for chance in of_text])
    if not len(chances):
        return {"entity_ece": None}
    gaps = (right - chances)[np.argsort(chances, kind="stable")]
    bins = np.array_split(gaps, max(1, min(BINS, len(gaps) // ROWS_A_BIN)))
    scores: dict[str, float | None] = {"entity_ece": float(sum(abs(part.sum()) for part in bins) / len(gaps))}
    if rows.accept_from is not None:
        accepted = chances >= rows.accept_from
        precision = float(right[accepted].mean()) if accepted.any() else None
        scores |= {"entities_accepted": float(accepted.mean()), "accepted_entity_precision": precision}
    return scores


def match_counts(rows: EntityRows) -> np.ndarray:
    """Return the entities of each text that are right, that are predicted and that there are, shape (texts, 3).

    Example:
        >>> rows = EntityRows(["a b"], [[(0, 1, "X"), (2, 3, "X")]], [[(0, 1, "X")]], ["X"])
        >>> match_counts(rows).tolist()
        [[1, 2, 1]]
    """
    pairs = zip(rows.predictions, rows.references, strict=True)
    return np.array([[len({*made} & {*true}), len(made), len(true)] for made, true in pairs], dtype=int).reshape(-1, 3)


def line_counts(lines: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return `match_counts` of lines of predictions, with `entities` and `references`.

    Example:
        >>> span = {"start": 0, "end": 4, "label": "DRUG"}
        >>> line_counts([{"entities": [span], "references": [span]}]).tolist()
        [[1, 1, 1]]
    """
    sides = [
        [[(one["start"], one["end"], one["label"]) for one in line[name]] for line in lines]
        for name in ("entities", "references")
    ]
    return match_counts(EntityRows([""] * len(lines), sides[0], sides[1], ()))


def folded(mention: str) -> str:
    """Return a mention as it is compared with those of training: without case, with single blanks.

    Example:
        >>> folded("Aspirin  Forte")
        'aspirin forte'
    """
    return " ".join(mention.casefold().split())


def errors_by_kind(rows: EntityRows) -> dict[str, dict[str, int]]:
    """Return for each class how many references are right, have another border or class, or are missed; and spurious.

    A prediction counts as spurious if it overlaps no reference.

    Example:
        >>> rows = EntityRows(["a b"], [[(0, 3, "X")]], [[(0, 1, "X")]], ["X"])
        >>> errors_by_kind(rows)["X"]
        {'right': 0, 'border': 1, 'class': 0, 'missed': 0, 'spurious': 0}
    """
    kinds = ("right", "border", "class", "missed", "spurious")
    counts = {name: dict.fromkeys(kinds, 0) for name in rows.label_names}
    for made, true in zip(rows.predictions, rows.references, strict=True):
        for own, theirs in _clusters(made, true):
            for one in theirs:
                touching = [other for other in own if other[0] < one[1] and one[0] < other[1]]
                counts[one[2]][_kind(one, touching)] += 1
            for one in own if not theirs else ():
                counts[one[2]]["spurious"] += 1
    return counts


def _kind(one: Entity, touching: Sequence[Entity]) -> str:
    if one in touching:
        return "right"
    if not touching:
        return "missed"
    return "border" if any(other[2] == one[2] for other in touching) else "class"


def _class_scores(rows: EntityRows, name: str) -> dict[str, Any]:
    predicted, marked = (
        [[one for one in of if one[2] == name] for of in side] for side in (rows.predictions, rows.references)
    )
    hits, made, true = match_counts(replace(rows, predictions=predicted, references=marked)).sum(axis=0)
    precision, recall, f1 = _rates(hits, made, true)
    return {"precision": precision, "recall": recall, "f1": f1, "support": int(true), "predicted": int(made)}


def _unseen(rows: EntityRows, side: Sequence[Sequence[Entity]]) -> list[list[Entity]]:
    """Return the entities whose text is no mention of training."""
    known = rows.known or frozenset()
    return [
        [one for one in of if folded(text[one[0] : one[1]]) not in known]
        for text, of in zip(rows.texts, side, strict=True)
    ]


def _lenient(rows: EntityRows) -> dict[str, float]:
    """Return partial and type F1, by nervaluate's rules."""
    from nervaluate.entities import Entity as Span
    from nervaluate.strategies import EntityTypeEvaluation, PartialEvaluation

    scores = {}
    for name, strategy in (("partial_f1", PartialEvaluation()), ("type_f1", EntityTypeEvaluation())):
        right = made = true = 0.0
        for pair in zip(rows.predictions, rows.references, strict=True):
            for own, theirs in _clusters(*pair):
                # Its spans include their last character.
                sides = ([Span(label, start, end - 1) for start, end, label in side] for side in (theirs, own))
                result, _ = strategy.evaluate(*sides, [])
                right += result.correct + 0.5 * result.partial
                made, true = made + result.actual, true + result.possible
        scores[name] = _rates(right, made, true)[2]
    return scores


def _clusters(made: Sequence[Entity], true: Sequence[Entity]) -> Iterator[tuple[list[Entity], list[Entity]]]:
    """Yield predictions and references that overlap, so that no time is quadratic in the entities of a text."""
    sides: tuple[list[Entity], list[Entity]] = ([], [])
    end = 0
    for one, side in sorted([*((one, 0) for one in made), *((one, 1) for one in true)]):
        if one[0] >= end and any(sides):
            yield sides
            sides = ([], [])
        sides[side].append(one)
        end = max(end, one[1])
    if any(sides):
        yield sides


def _rates(hits: float, made: float, true: float) -> tuple[float, float, float]:
    """Return precision, recall and F1; 0 where they are not defined."""
    f1 = 2 * hits / (made + true) if made + true else 0.0
    return float(hits / made) if made else 0.0, float(hits / true) if true else 0.0, float(f1)
