"""Repeated keys of JSON objects."""

from pathlib import Path

import pytest

from tests.data.formats.conftest import failure, read


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
