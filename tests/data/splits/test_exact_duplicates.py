"""Exact copies are counted, with labels compared."""

from datasets import Dataset

from nlp_transfer.data.splits.exact_duplicates import duplicate_notes


def table(rows: list[tuple[str, object]], column: str = "label") -> Dataset:
    texts, labels = zip(*rows, strict=True)
    return Dataset.from_dict({"id": [f"row{place}" for place in range(len(rows))], "text": texts, column: labels})


def test_copies_and_their_labels() -> None:
    splits = {
        "train": table([("one  text", 0), ("two", 1), ("two", 0), ("three", 1)]),
        "validation": table([("new", 0), ("Two", 1)]),
        "test": table([(" one\ntext ", 0), ("two", 0), ("three", 0), ("four", 1)]),
    }
    assert duplicate_notes(splits) == [
        "train: 1 text has different labels in different rows, such as row1 and row2.",
        "validation: no text is an exact copy of a training text.",
        "test: 3 of 4 texts are exact copies of training texts (1 of them with another label).",
    ]


def test_training_texts_with_different_labels_are_counted_and_the_first_is_named() -> None:
    train = table([("a", 0), ("b", 0), ("a", 0), ("b", 1), ("a", 2), ("a", 1), ("c", 1), ("c", 1)])
    (note,) = duplicate_notes({"train": train})
    assert note.startswith("train: 2 texts have different labels in different rows, such as row")
    rows = [int(word) for word in note.rstrip(".").replace("row", "").split() if word.isdigit()][1:]
    assert len({train[row]["text"] for row in rows}) == 1
    assert len({train[row]["label"] for row in rows}) == 2


def test_lists_of_labels_are_compared_as_sets() -> None:
    splits = {
        "train": table([("x", [0, 1]), ("y", [1])], "labels"),
        "test": table([("x", [1, 0]), ("y", [])], "labels"),
    }
    assert duplicate_notes(splits) == [
        "test: 2 of 2 texts are exact copies of training texts (1 of them with another label)."
    ]


def test_pairs_share_first_texts_whatever_their_labels() -> None:
    train = table([("a section", 0), ("a section", 1), ("another", 1)]).add_column("second", ["x", "y", "z"])
    test = table([("a section", 1), ("new", 0)]).add_column("second", ["u", "v"])
    assert duplicate_notes({"train": train, "test": test}) == [
        "test: 1 of 2 first texts are exact copies of training first texts."
    ]


def test_without_labels_or_train() -> None:
    texts = Dataset.from_dict({"text": ["x", "y"]})
    assert duplicate_notes({"train": texts, "test": texts}) == [
        "test: 2 of 2 texts are exact copies of training texts."
    ]
    assert duplicate_notes({"test": texts}) == []
