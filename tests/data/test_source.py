"""Records become batches of consecutive rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from nlp_transfer.data import source
from nlp_transfer.data.source import BrokenRow, batches
from nlp_transfer.errors import DataError

TEXT = frozenset(["text"])


def test_a_gap_in_the_row_numbers_begins_a_batch() -> None:
    made = list(batches([(1, {"text": "a"}), (2, {"text": "b"}), (5, {"text": "c"})], TEXT, "line"))
    assert [(batch.first_row, batch.columns["text"], batch.unit) for batch in made] == [
        (1, ["a", "b"], "line"),
        (5, ["c"], "line"),
    ]


def test_a_column_that_a_record_lacks_is_none_there() -> None:
    (batch,) = batches([(1, {"text": "a", "page": 1}), (2, {"page": 2})], TEXT)
    assert batch.columns == {"text": ["a", None]}
    assert batch.available == ("text", "page")


def test_long_texts_make_short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BATCH_CHARACTERS", 4)
    made = batches([(row, {"text": "abc"}) for row in range(1, 6)], TEXT)
    assert [len(batch.columns["text"]) for batch in made] == [2, 2, 1]


def test_a_broken_row_is_an_error_or_a_batch_of_its_own() -> None:
    broken = BrokenRow("a.csv: row 2", "2 cells, but the header has 3", "Mend the row.")
    records: list[tuple[int, dict[str, Any] | BrokenRow]] = [(1, {"text": "a"}), (2, broken), (3, {"text": "b"})]
    made = list(batches(records, TEXT, keep_broken=True))
    assert [(batch.first_row, batch.columns, batch.broken) for batch in made] == [
        (1, {"text": ["a"]}, None),
        (2, {}, broken),
        (3, {"text": ["b"]}, None),
    ]
    refused = batches(records, TEXT)
    assert next(refused).columns == {"text": ["a"]}
    with pytest.raises(DataError, match=r"^a\.csv: row 2: 2 cells, but the header has 3\. Mend the row\.$"):
        next(refused)


def test_rows_before_an_error_are_yielded_first() -> None:
    def records() -> Iterator[tuple[int, dict[str, Any]]]:
        yield 1, {"text": "a"}
        raise DataError("line 2 is broken")

    made = batches(records(), TEXT)
    assert next(made).columns == {"text": ["a"]}
    with pytest.raises(DataError, match="line 2 is broken"):
        next(made)
    assert list(batches([], TEXT)) == []
