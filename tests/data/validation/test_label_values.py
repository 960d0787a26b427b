"""Labels of one type."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.data.conftest import toy_rows


def test_missing_empty_and_strange_labels(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[0]["label"], rows[1]["label"], rows[2]["label"] = None, "  ", {"x": 1}
    message = failure(rows)
    assert (
        "FILE: row 1: label is missing (null). Label these rows, or move them to a split named `unlabeled`." in message
    )
    assert "FILE: row 2: label is empty. A label is a string or an integer; mend these rows." in message
    assert "FILE: row 3: label is a dict. A label is a string or an integer" in message


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("a", 1, "row 1 holds a string, row 2 an integer (1)"),
        (1, "1", "row 1 holds an integer, row 2 a string ('1')"),
        (True, 1, "row 1 holds a boolean, row 2 an integer (1)"),
        ("a", ["a"], "row 2 holds a list, unlike the rows before"),
    ],
)
def test_mixed_label_types(failure: Callable[..., str], first: Any, second: Any, words: str) -> None:
    message = failure([{"text": "x", "label": first}, {"text": "y", "label": second}])
    assert message.startswith("FILE: column 'label' mixes types: ")
    assert words in message


def test_types_that_mix_after_many_rows(failure: Callable[..., str]) -> None:
    rows = [*toy_rows(4500), {"text": "late", "label": 3}]
    assert "row 1 holds a string, row 4501 an integer (3)." in failure(rows)


def test_fractions_are_no_classes(failure: Callable[..., str]) -> None:
    assert "FILE: row 2: label is 2.5; a class is a string or a whole number." in failure(
        [{"text": "x", "label": 1.0}, {"text": "y", "label": 2.5}]
    )


def test_a_column_labels_without_lists(failure: Callable[..., str]) -> None:
    message = failure([{"text": "x", "labels": "a"}])
    assert message.startswith('FILE: row 1: column \'labels\' holds no list. Write a list such as ["a", "b"], or')
    assert "`source.columns: {labels: label}`" in message


def test_null_within_a_list(failure: Callable[..., str]) -> None:
    assert "FILE: row 2: labels is null." in failure([{"text": "x", "labels": ["a"]}, {"text": "y", "labels": [None]}])


def test_half_a_character_in_labels(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[2]["label"] = rows[3]["label"] = "\ud83d"
    assert failure(rows) == (
        "FILE: rows 3 and 4: label holds half a character (a lone surrogate, such as \\ud83d). "
        "Write the character whole."
    )
