"""Classes that cannot be learned are refused, and doubtful ones noted."""

from collections.abc import Callable

from tests.data.conftest import toy_rows


def test_one_class_only(failure: Callable[..., str]) -> None:
    assert failure(toy_rows(20, ("a",))) == (
        "source (FILE): all 12 training rows have one class, 'a'; a classifier needs two at least. "
        "Check which column is the label (source.columns)."
    )
