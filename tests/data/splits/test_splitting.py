"""Splits made from a pool of rows."""

from collections.abc import Callable

from tests.data.conftest import toy_rows


def test_an_empty_made_split(failure: Callable[..., str]) -> None:
    assert "source (FILE): the split 'validation' would be empty: 2 rows in 2 groups" in failure(toy_rows(2))
