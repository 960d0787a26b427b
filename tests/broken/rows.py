"""Faults of columns, texts and ids: what a format can hold, and a corpus must not."""

import math
from typing import Any

from hypothesis import strategies as st

from tests.broken.corpora import FORMATS, SINGLE, TYPED, Choose, Draft
from tests.broken.faults import Faults, rename, spoil

FAULTS = Faults("rows")


@FAULTS.add(*FORMATS, touches="text")
def text_column_missing(draft, split, choose):
    name = choose(st.sampled_from(["clause", "Text", "text ", "sentence", "texts"]))
    rename(draft, split, "text", name)
    return ("there is no column 'text'", name, "source.columns")


@FAULTS.add(*FORMATS, touches="label")
def label_column_missing(draft, split, choose):
    name = choose(st.sampled_from(["kind", "Label", "class", "lable"]))
    rename(draft, split, "label", name)
    return ("there is no column 'label' or 'labels'", name, "source.columns")


@FAULTS.add(*FORMATS, touches="label")
def both_label_columns(draft, split, choose):
    for row in draft.rows[split]:
        row["labels"] = [row["label"]] if draft.suffix in TYPED else row["label"]
    return ("both a column 'label' and a column 'labels'",)


@FAULTS.add(".jsonl", ".json", touches="label")
def label_column_starts_late(draft, split, choose):
    late = draft.rows[split]
    draft.rows[split] = [{"id": f"early-{n}", "text": f"early text {n}"} for n in range(2000)] + late
    return ("column 'label' first appears at row 2001",)


@FAULTS.add(*FORMATS, touches="text")
def empty_text(draft, split, choose):
    blank = choose(st.sampled_from(["", " ", "\t\n", "\u3000", "\u00a0 "]))
    return (spoil(draft, split, choose, "text", blank), "text is empty or has no visible character")


@FAULTS.add(*FORMATS, touches="text")
def zero_width_text(draft, split, choose):
    blank = choose(st.sampled_from(["\u200b", "\u2060\u200b", "\u00ad", " \u200d"]))
    return (spoil(draft, split, choose, "text", blank), "text is empty or has no visible character")


@FAULTS.add(*TYPED, touches="text")
def null_text(draft, split, choose):
    return (spoil(draft, split, choose, "text", None), "text is missing (null)")


@FAULTS.add(*TYPED, touches="text")
def text_is_a_number_or_boolean(draft, split, choose):
    return _typed_text(draft, split, choose, choose(st.sampled_from([3, 2.5, True, math.inf, 10**30])))


@FAULTS.add(*TYPED, touches="text")
def text_is_nested(draft, split, choose):
    return _typed_text(draft, split, choose, choose(st.sampled_from([{"x": "y"}, [["x"]], [1], {"x": [1]}])))


def _typed_text(draft: Draft, split: str, choose: Choose, value: Any) -> tuple[str, ...]:
    if draft.suffix != ".parquet":
        return (spoil(draft, split, choose, "text", value), "text is a", "not a string")
    for row in draft.rows[split]:  # a Parquet column has one type
        row["text"] = value if value != 10**30 else 10**10
    return ("column 'text' holds", "not strings")


@FAULTS.add(".parquet", touches="text")
def text_is_bytes(draft, split, choose):
    for row in draft.rows[split]:
        row["text"] = row["text"].encode()
    return ("column 'text' holds binary, not strings",)


@FAULTS.add(".jsonl", ".json", touches="text")
def half_a_character_in_a_text(draft, split, choose):
    half = choose(st.sampled_from(["\ud83d", "x\udc00", "\udfffx"]))
    return (spoil(draft, split, choose, "text", half), "text holds half a character")


@FAULTS.add(*FORMATS, touches="text")
def nul_in_a_text(draft, split, choose):
    text = choose(st.sampled_from(["\0a", "a\0b", "text\0\0\0\0"]))
    return (spoil(draft, split, choose, "text", text), "text holds a NUL character")


@FAULTS.add(*FORMATS, touches="id")
def repeated_id(draft, split, choose):
    index = choose(st.integers(1, len(draft.rows[split]) - 1))
    draft.rows[split][index]["id"] = draft.rows[split][0]["id"]
    return ("Ids are repeated", draft.row(0), draft.row(index))


@FAULTS.add(*FORMATS, touches="id")
def empty_id(draft, split, choose):
    return (spoil(draft, split, choose, "id", ""), "id is empty")


@FAULTS.add(*FORMATS, touches="file")
def split_without_rows(draft, split, choose):
    draft.rows[split] = []
    return ("there are no rows",)


@FAULTS.add(*FORMATS, touches="file", names_file=False, splits=(SINGLE,))
def too_few_rows_to_split(draft, split, choose):
    draft.rows[split] = draft.rows[split][:2]
    return ("source (", ": the split", "would be empty", "source.split.method")
