"""JSON Lines: broken lines are placed."""

from pathlib import Path

import pytest

from nlp_transfer.data.formats import FORMATS
from nlp_transfer.data.source import FileSettings
from tests.data.formats.conftest import WANTED, failure, read


def test_blank_lines_of_json_lines_hold_no_row_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n\n')
    assert [batch.first_row for batch in FORMATS[".jsonl"](path, WANTED, FileSettings())] == [1, 3]


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": b}\n')
    assert (
        failure(path)
        == f"{path}: line 2: broken JSON at character 10 (Expecting value). Expected one JSON object a line."
    )


def test_truncated_json_lines_say_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": "and so')
    message = failure(path)
    assert message.startswith(f"{path}: line 2: broken JSON at character 10 (Unterminated string")
    assert message.endswith("The line looks cut off: was the file copied whole?")


@pytest.mark.parametrize(("line", "kind"), [("[1]", "array"), ('"a"', "string"), ("3", "number"), ("null", "null")])
def test_a_line_that_is_no_object(tmp_path: Path, line: str, kind: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    assert f"{path}: line 1: found a JSON {kind}; expected an object such as" in failure(path)


@pytest.mark.parametrize(
    ("suffix", "content", "place"),
    [
        (".jsonl", '{"text": "a"}\n{"text": "b", "id": 1, "text": "c"}\n', "line 2"),
        (".json", '[{"text": "a"},\n{"text": "b", "id": 1, "text": "c"}]', "line 2: object 2"),
    ],
)
def test_a_repeated_key_would_lose_a_value(tmp_path: Path, suffix: str, content: str, place: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text(content)
    assert failure(path) == (
        f"{path}: {place}: repeats the key 'text'; one of its values would be lost. Take one away."
    )
    path.write_text('{"text": "a", "extra": {"x": 1, "x": 2}}')  # no column: nothing that is read
    assert read(path) == [{"text": "a"}]
