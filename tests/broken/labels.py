"""Faults of labels: missing, of several kinds, unseen in training, or none at all."""

import math

from hypothesis import strategies as st

from tests.broken.corpora import FORMATS, TYPED
from tests.broken.faults import Faults, rename, spoil

FAULTS = Faults("rows")


@FAULTS.add(*TYPED, touches="label")
def null_label(draft, split, choose):
    return (spoil(draft, split, choose, "label", None), "label is missing (null)")


@FAULTS.add(*FORMATS, touches="label")
def empty_label(draft, split, choose):
    return (spoil(draft, split, choose, "label", choose(st.sampled_from(["", "  ", "\t"]))), "label is empty")


@FAULTS.add(*FORMATS, touches="label")
def invisible_label(draft, split, choose):
    value = choose(st.sampled_from(["\u200b", "\ufeff\u00ad", "\u2800"]))
    return (spoil(draft, split, choose, "label", value), "label is empty or has no visible character")


@FAULTS.add(*FORMATS, touches="label")
def label_that_looks_like_another(draft, split, choose):
    value = choose(st.sampled_from(["a ", "a\u200b", "\u00a0a"]))
    spoil(draft, split, choose, "label", value)
    return (ascii(value), "look the same: they differ only in characters that nobody sees")


@FAULTS.add(*TYPED, touches="label")
def nan_label(draft, split, choose):
    for n, row in enumerate(draft.rows[split]):
        row["label"] = float(n % 3)
    return (spoil(draft, split, choose, "label", math.nan), "label is missing (null)")


@FAULTS.add(*TYPED, touches="label")
def label_is_a_fraction(draft, split, choose):
    for n, row in enumerate(draft.rows[split]):
        row["label"] = float(n % 3)
    value = choose(st.sampled_from([0.5, -1.25, math.inf]))
    return (spoil(draft, split, choose, "label", value), f"label is {value}", "a string or a whole number")


@FAULTS.add(*FORMATS, touches="label", splits=("dev", "test"))
def label_unseen_in_training(draft, split, choose):
    place = spoil(draft, split, choose, "label", choose(st.sampled_from(["d", "A", "0", "b,c"])))
    return (place, "is unseen in training", "Classes of training: a, b, c")


@FAULTS.add(".jsonl", ".json", touches="label")
def mixed_label_types(draft, split, choose):
    place = spoil(draft, split, choose, "label", choose(st.sampled_from([1, True, 2.0])))
    return (place, "column 'label' mixes types")


@FAULTS.add(".jsonl", ".json", touches="label")
def lists_and_single_labels(draft, split, choose):
    index = choose(st.integers(1, len(draft.rows[split]) - 1))
    draft.rows[split][index]["label"] = ["a"]
    return (draft.row(index), "column 'label' mixes types", "a list")


@FAULTS.add(*TYPED, touches="label")
def label_is_nested(draft, split, choose):
    if draft.suffix == ".parquet":
        for row in draft.rows[split]:
            row["label"] = {"x": row["label"]}
        return ("row", "label is a dict")
    return (spoil(draft, split, choose, "label", {"x": "a"}), "label is a dict")


@FAULTS.add(".jsonl", ".json", touches="label")
def list_of_labels_with_a_non_string(draft, split, choose):
    value, words = choose(
        st.sampled_from(
            [(3, "mixes types"), (None, "labels is null"), ({"x": 1}, "labels is a dict"), (["a"], "labels is a list")]
        )
    )
    for rows in draft.rows.values():
        for row in rows:
            row["labels"] = [row.pop("label")]
    return (spoil(draft, split, choose, "labels", ["a", value]), words)


@FAULTS.add(*FORMATS, touches="label")
def column_labels_without_lists(draft, split, choose):
    rename(draft, split, "label", "labels")
    return (draft.row(0), "column 'labels' holds no list")


@FAULTS.add(".jsonl", ".json", touches="label")
def half_a_character_in_a_label(draft, split, choose):
    return (spoil(draft, split, choose, "label", "\ud83d"), "label holds half a character")


@FAULTS.add(*FORMATS, touches="label")
def nul_in_a_label(draft, split, choose):
    return (spoil(draft, split, choose, "label", "a\0"), "label holds a NUL character")


@FAULTS.add(*FORMATS, touches="label", names_file=False)
def one_class_only(draft, split, choose):
    for rows in draft.rows.values():
        for row in rows:
            row["label"] = "a"
    return ("source (", ": all", "training rows have one class, 'a'", "source.columns")
