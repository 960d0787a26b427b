"""Check entities that are marked in texts, and convert them to characters and classes.

A row has a `text` and its `spans`: {start, end, label} objects or [start, end, label] lists in characters, the end not
included, or JSON of these. Exports of Doccano (`label`, `labels` or `entities`) and Label Studio (`label`, or `data`
with `annotations`) are read as they are, and words with tags (`tokens`, `tags`) are joined by blanks; see `tag_spans`
for the tags.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from nlp_transfer.data.validation.documents import to_list
from nlp_transfer.data.validation.row_errors import RowErrors

_MARKED = ("spans", "entities", "annotations", "label", "labels")
"""Columns that may hold the entities, the first that is there."""

TAG_COLUMNS = ("tags", "ner_tags")
"""Columns of the tags of words."""

COLUMNS = {
    "text": "text",
    **{name: name for name in (*_MARKED, "data", "tokens", "annotation_id")},
    **dict.fromkeys(TAG_COLUMNS, "tags"),
}
"""Columns of a corpus with entities, and the columns that they become."""

LABEL_COLUMNS = (*_MARKED, "tags")

MADE = ("span_starts", "span_ends")
"""Typed columns of entities, apart from their classes."""

FACTS = {
    "trimmed": "entities with white space or invisible characters at an end, which were left out",
    "unopened": "entities whose tags begin with I-, read as entities of their own",
    "utf16": "rows whose offsets count UTF-16 units, as JavaScript does, converted to characters",
}

_PLAIN_LABEL = 'Write {"start": 0, "end": 4, "label": "DRUG"}, in characters from 0, the end not included.'
_OFFSETS = pa.list_(pa.int32())
_EDGES = re.compile(r"^[\s\u00ad\u200b-\u200f\u2060\ufeff]+|[\s\u00ad\u200b-\u200f\u2060\ufeff]+$")

Span = tuple[int, int, str]
"""First character, the character after the last, class."""


class _Problem(Exception):
    """Problem of one row, with the remedy."""

    def __init__(self, problem: str, advice: str = _PLAIN_LABEL) -> None:
        super().__init__(problem)
        self.problem, self.advice = problem, advice


def convert_columns(
    columns: dict[str, Any], first: int, errors: RowErrors, facts: Counter[str], find_file: Any = None
) -> dict[str, Any]:
    """Return `text`, and the entities as `labels`, `span_starts` and `span_ends`; see `RowKind.convert`."""
    values = {name: to_list(column) for name, column in columns.items()}
    marked = next((name for name in _MARKED if name in values), "tags" if "tags" in values else None)
    kept = {name: columns[name] for name in columns if name not in COLUMNS.values() or name == "text"}
    made: dict[str, list[Any]] = {"text": [], "labels": [], "span_starts": [], "span_ends": []}
    for place in range(max(map(len, values.values()), default=0)):
        row = {name: column[place] for name, column in values.items()}
        try:
            text, spans = _row(row, marked, facts)
        except _Problem as error:
            errors.add(error.problem, error.advice, [first + place])
            text, spans = "-", []
        made["text"].append(text)
        made["labels"].append(None if spans is None else [label for _, _, label in spans])
        made["span_starts"].append([start for start, _, _ in spans or ()])
        made["span_ends"].append([end for _, end, _ in spans or ()])
    if not {"text", "data", "tokens"} & set(values):
        return kept  # without a text, which is an error that others name
    return {**kept, **made} if marked else {**kept, "text": made["text"]}


def typed_columns(columns: dict[str, Any], texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    """Return `span_starts` and `span_ends`, if entities are marked; see `RowKind.typed`."""
    return {name: pa.array(columns[name], _OFFSETS) for name in MADE if name in columns}


def _row(row: Mapping[str, Any], marked: str | None, facts: Counter[str]) -> tuple[Any, list[Span] | None]:
    """Return a row's text and its spans in order; None for spans that are missing."""
    text, given = row.get("text"), _parsed(row.get(marked or ""))
    if given is None and row.get("annotation_id") is not None:
        given = []  # Label Studio leaves out the key where nothing is marked
    if row.get("tokens") is not None and (marked == "tags" or text is None):
        words = row["tokens"]
        if (joined := joined_words(words)) is None:
            raise _Problem("tokens is no list of words", "Write a list of strings, each with a visible character.")
        if given is None or marked != "tags":
            return joined, None
        return joined, [_without_blanks(span, joined, facts) for span in tag_spans(words, given, facts)]
    if marked == "annotations":
        given = _label_studio(given)
    if text is None:
        text = text_of_task(row.get("data"))
    if given is None or not isinstance(text, str):
        return text, None if given is None else []
    if not isinstance(given, list):
        raise _Problem(f"{marked} is {_short(given)}, no list of entities", f"{_PLAIN_LABEL} [] is a text without any.")
    utf16 = _counts_utf16([_fields(one) for one in given], text)
    facts["utf16"] += utf16
    spans = sorted(_span(one, text, facts, utf16=utf16) for one in given)
    for (start, end, label), (other, last, name) in pairwise(spans):
        if other < end:
            both = (
                f"{text[start:end]!r} ({label}, {start} to {end}) and {text[other:last]!r} ({name}, {other} to {last})"
            )
            raise _Problem(f"entities overlap: {both}", "A token has one class: keep one of them.")
    return text, spans


def _counts_utf16(fields: Sequence[tuple[Any, Any, Any, Any]], text: str) -> bool:
    """Return whether the offsets of a row count UTF-16 units, by the marked texts that it gives."""
    known = [(a, b, marked) for a, b, _, marked in fields if isinstance(marked, str) and type(a) is type(b) is int]
    wrong = [marked for start, end, marked in known if text[start:end] != marked]
    if wrong and any(text[_from_utf16(text, start) : _from_utf16(text, end)] != marked for start, end, marked in known):
        advice = "Offsets count characters from 0, the end not included: was the text changed after it was marked?"
        raise _Problem(f"holds the entity {_short(wrong[0])}, which is not at its offsets", advice)
    return bool(wrong)


def _span(given: Any, text: str, facts: Counter[str], *, utf16: bool) -> Span:
    """Return one entity, without white space at its ends."""
    start, end, label, _ = _fields(given)
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
        raise _Problem(f"holds {_short(given)}, no entity")
    if utf16:
        start, end = _from_utf16(text, start), _from_utf16(text, end)
    if not 0 <= start < end <= len(text):
        where = f"from {start} to {end}, and the text has {len(text):,} characters"
        raise _Problem(f"holds an entity of {label} {where}")
    return _without_blanks((start, end, label), text, facts)


def _without_blanks(span: Span, text: str, facts: Counter[str]) -> Span:
    """Return an entity without white space and invisible characters at its ends."""
    start, end, label = span
    first, last = trimmed(text, start, end)
    if first == last:
        raise _Problem(f"holds an entity of {label} from {start} to {end} without a visible character", "Take it out.")
    facts["trimmed"] += (first, last) != (start, end)
    return first, last, label


def _fields(given: Any) -> tuple[Any, Any, Any, Any]:
    """Return start, end, label and, if it is there, the marked text of an entity as tools write it."""
    if isinstance(given, Mapping):
        names = ("label", "labels", "entity_group", "entity", "type")
        label = next((given[name] for name in names if given.get(name) is not None), None)
        if isinstance(label, list) and len(label) > 1:
            raise _Problem(f"holds an entity with several classes: {', '.join(map(str, label))}", "Keep one of them.")
        label = label[0] if isinstance(label, list) and label else label
        start, end = (given.get(name, given.get(f"{name}_offset")) for name in ("start", "end"))
        return start, end, label, given.get("text")
    if isinstance(given, Sequence) and len(given) == 3 and not isinstance(given, str):
        return given[0], given[1], given[2], None
    raise _Problem(f"holds {_short(given)}, no entity")


def _label_studio(annotations: Any) -> list[Any] | None:
    """Return the entities of a task that Label Studio exported."""
    if annotations is None:
        return None
    if not isinstance(annotations, list) or not all(isinstance(one, Mapping) for one in annotations):
        raise _Problem("annotations is no list of annotations", "Export as JSON from Label Studio.")
    kept = [one for one in annotations if not one.get("was_cancelled")]
    if not kept:
        raise _Problem("has no annotation", "Finish it in Label Studio, or export annotated tasks only.")
    if len(kept) > 1:
        raise _Problem(f"has {len(kept)} annotations", "Keep the one that counts: two people may mark different words.")
    values = [one.get("value") for one in kept[0].get("result") or ()]
    return [value for value in values if isinstance(value, Mapping) and value.get("labels")]


def _parsed(given: Any) -> Any:
    """Return the list that a cell of a table holds as JSON, and anything else as it is; None for an empty cell."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given) if given.strip() else None
    except ValueError:
        return given


def joined_words(words: Any) -> str | None:
    """Return words joined by blanks; None for anything but a list of words.

    Example:
        >>> joined_words(["New", "York"])
        'New York'
    """
    is_list = isinstance(words, list) and all(isinstance(word, str) and word.strip() for word in words)
    return " ".join(words) if is_list else None


def text_of_task(data: Any) -> Any:
    """Return the text of a task of Label Studio, whatever its name, if there is one.

    Example:
        >>> text_of_task({"body": "a text", "pages": 3})
        'a text'
    """
    if not isinstance(data, Mapping):
        return None
    texts = [value for value in data.values() if isinstance(value, str)]
    return data.get("text", texts[0] if len(texts) == 1 else None)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the part of `text[start:end]` without white space and invisible characters at its ends.

    Example:
        >>> trimmed("take aspirin daily", 4, 13)
        (5, 12)
    """
    part = text[start:end]
    first = next((match.end() for match in [_EDGES.match(part)] if match), 0)
    rest = _EDGES.sub("", part)
    return start + first, start + first + len(rest)


def tag_spans(words: Sequence[str], tags: Any, facts: Counter[str] | None = None) -> list[Span]:
    """Return the spans of tagged words that are joined by blanks.

    Tags are BIO or BILOU (BIOES): `B-X` begins an entity of X, `I-X` goes on, `L-X` or `E-X` ends it, `U-X` or `S-X` is
    one by itself, `O` is none. An `I-X` that nothing began begins one, which `facts` counts.

    Example:
        >>> tag_spans(["New", "York", "sleeps"], ["B-CITY", "I-CITY", "O"])
        [(0, 8, 'CITY')]
    """
    if not isinstance(tags, list) or len(tags) != len(words):
        found = f"{len(tags)} tags" if isinstance(tags, list) else _short(tags)
        raise _Problem(f"has {len(words)} tokens and {found}", "Write one tag for each token.")
    facts, spans, at = Counter() if facts is None else facts, list[Span](), 0
    going: str | None = None
    for word, tag in zip(words, tags, strict=True):
        if not isinstance(tag, str) or not re.fullmatch(r"O|[BIELSU]-.+", tag):
            names = " Write their names in the place of numbers." if isinstance(tag, int) else ""
            advice = f"Tags are O, B-CLASS and I-CLASS (or BILOU).{names}"
            raise _Problem(f"holds the tag {_short(tag)}", advice)
        kind, label = tag[0], tag[2:]
        goes_on = kind in "IEL" and going == label
        if goes_on:
            spans[-1] = (spans[-1][0], at + len(word), label)
        elif kind != "O":
            facts["unopened"] += kind in "IEL"
            spans.append((at, at + len(word), label))
        going = label if kind in "BI" else None
        at += len(word) + 1
    return spans


def _from_utf16(text: str, units: int) -> int:
    """Return the character at a number of UTF-16 units from the start."""
    return len(text.encode("utf-16-le")[: 2 * max(units, 0)].decode("utf-16-le", errors="ignore"))


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:57]}…"
