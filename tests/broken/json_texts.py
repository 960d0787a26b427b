"""Faults of JSON: broken, cut off, twice the same key, or more than Python holds."""

from hypothesis import strategies as st

from tests.broken.contents import LARGE_BYTES
from tests.broken.faults import Faults, edit_line, some_row

FAULTS = Faults("raw")


@FAULTS.add(".jsonl")
def truncated_json_line(draft, split, choose):
    last = len(draft.rows[split]) - 1
    keep = choose(st.integers(1, 30))
    place = edit_line(draft, split, last, lambda line: line[:keep])
    return (place, "broken JSON")


@FAULTS.add(".json")
def truncated_json_document(draft, split, choose):
    draft.raw[split] = draft.raw[split][: choose(st.integers(1, len(draft.raw[split]) - 3))]
    return ("line ",)


@FAULTS.add(".jsonl", ".json")
def unclosed_json_string(draft, split, choose):
    place = edit_line(
        draft, split, some_row(draft, split, choose), lambda line: line.replace(b'", "label', b', "label')
    )
    return (place, "broken JSON")


@FAULTS.add(".jsonl", ".json")
def repeated_json_key(draft, split, choose):
    key = choose(st.sampled_from([b"text", b"label", b"id"]))
    extra = b"{" + b'"' + key + b'": "again", '
    index = some_row(draft, split, choose)
    edit_line(draft, split, index, lambda line: line.replace(b"{", extra, 1))
    place = draft.line(index) if draft.suffix == ".jsonl" else f"object {index + 1}"
    return (place, f"repeats the key '{key.decode()}'")


@FAULTS.add(".jsonl", ".json")
def row_that_is_no_object(draft, split, choose):
    value = choose(st.sampled_from([b"[1]", b'"text"', b"3", b"null", b"true", b'["a", "b"]', b"-1e5"]))
    comma = b",\n" if draft.suffix == ".json" else b"\n"
    index = choose(st.integers(0, len(draft.rows[split]) - 2))
    return (edit_line(draft, split, index, lambda _: value + comma), "expected an object")


@FAULTS.add(".jsonl", ".json")
def deeply_nested_json(draft, split, choose):
    depth = choose(st.sampled_from([50_000, 200_000]))  # newer Pythons read 2,000 levels, and then it is another fault
    index = some_row(draft, split, choose)
    nested = b'{"text": ' + b"[" * depth + b"]" * depth + b", "
    return (edit_line(draft, split, index, lambda line: line.replace(b"{", nested, 1)), "cannot be read")


@FAULTS.add(".jsonl", ".json")
def number_of_many_digits(draft, split, choose):
    digits = b'{"text": ' + b"7" * 5000 + b", "
    index = some_row(draft, split, choose)
    return (edit_line(draft, split, index, lambda line: line.replace(b"{", digits, 1)), "cannot be read")


@FAULTS.add(".json")
def broken_object_early_in_a_large_array(draft, split, choose):
    place = edit_line(draft, split, 0, lambda line: line.replace(b'"text": "', b'"text": ', 1))
    draft.raw[split] += b" " * LARGE_BYTES
    return (place, "broken JSON in object 1")


@FAULTS.add(".json")
def one_object_over_many_lines(draft, split, choose):
    draft.raw[split] = b'{\n "text": ["a", "b"],\n "label": ["x", "y"]\n}\n'
    return ("expected an array of objects",)
