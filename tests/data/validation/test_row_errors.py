"""Bad rows are collected."""

from collections.abc import Callable

from tests.data.conftest import toy_rows


def test_empty_and_missing_texts_are_counted(failure: Callable[..., str]) -> None:
    rows = toy_rows(5000)
    for row in (2, 3000):
        rows[row]["text"] = " \t\n"
    for row in range(100, 112):
        rows[row]["text"] = None
    rows[4000].pop("text")
    message = failure(rows)
    assert message.splitlines() == [
        "2 problems:",
        "  - FILE: rows 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, … (13 rows): text is missing (null). "
        "Every row needs a text: mend or remove these rows, or set source.drop_empty: true.",
        "  - FILE: rows 3 and 3001: text is empty or has no visible character. Every row needs a text: mend or remove these rows, or set source.drop_empty: true.",
    ]
