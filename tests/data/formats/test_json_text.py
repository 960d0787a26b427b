"""JSON Lines and JSON: faults are placed."""

import json
from pathlib import Path

import pytest

from nlp_transfer.data.formats import FORMATS
from tests.data.formats.conftest import WANTED, failure, read


def test_blank_lines_of_json_lines_hold_no_row_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n\n')
    assert [batch.first_row for batch in FORMATS[".jsonl"](path, WANTED)] == [1, 3]


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": b}\n')
    assert (
        failure(path)
        == f'{path}: line 2: broken JSON at character 10 (Expecting value). Expected objects such as {{"text": "…"}}.'
    )


def test_truncated_json_lines_say_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": "and so')
    message = failure(path)
    assert message.startswith(f"{path}: line 2: broken JSON at character 10 (Unterminated string")
    assert message.endswith("Was the file copied whole?")


@pytest.mark.parametrize("line", ["[1]", '"a"', "3", "null"])
def test_a_line_that_is_no_object(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    assert f"{path}: line 1: found {line}; expected an object such as" in failure(path)


def test_json_array_errors_name_line_or_object(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for content, message in {
        '[{"text": "a"},\n{"text": b}]': "line 2: broken JSON at character 10 (Expecting value).",
        '[{"text": "a"},\n': "(Expecting value). Was the file copied whole?",
        '[{"text": "a"}': "line 1: broken JSON at character 15 (Expecting ',' delimiter). Was the file copied whole?",
        '[{"text": "a"}\n{"text": "b"}]': "line 2: broken JSON at character 1 (Expecting ',' delimiter).",
        '["a", "b"]': 'object 1: found "a"; expected an object',
        '[{"text": "a"}]\n[{"text": "b"}]': "line 2: broken JSON at character 1 (Extra data).",
        '{\n "text": "a"\n}': "holds one JSON object over many lines; expected an array, or one object a line.",
        '[\n{"text": "a"},\n{"text": "b"},\n{"text": "c': "line 4: broken JSON at character 10 (Unterminated string",
    }.items():
        path.write_text(content)
        assert message in failure(path)


def test_json_lines_may_be_named_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert read(path) == [{"text": "a"}, {"text": "b"}]


def test_large_json_objects_are_rows_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.json"
    rows = [{"text": "x" * 3_000_000}, {"text": "y"}, {"text": "ü" * 1_500_000}]
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    assert read(path) == rows
    monkeypatch.setattr("nlp_transfer.data.formats.json_text.MAX_ROW_BYTES", 2_000_000)
    assert f"{path}: object 1 is longer than" in failure(path)


def test_json_that_python_cannot_hold(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": "{}", "a.json": "[{}]"}.items():
        path = tmp_path / name
        for value in ("1" * 5000, "[" * 200_000 + "]" * 200_000):
            path.write_text(content.replace("{}", '{"text": ' + value + "}"))
            assert failure(path).startswith(f"{path}: line 1: ") and "Simplify this row." in failure(path)


@pytest.mark.parametrize(
    ("suffix", "content", "place"),
    [
        (".jsonl", '{"text": "a"}\n{"text": "b", "id": 1, "text": "c"}\n', "line 2"),
        (".json", '[{"text": "a"},\n{"text": "b", "id": 1, "text": "c"}]', "object 2"),
    ],
)
def test_a_repeated_key_would_lose_a_value(tmp_path: Path, suffix: str, content: str, place: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text(content)
    assert failure(path) == (f"{path}: {place}: repeats the key 'text'; one of its values would be lost.")
    path.write_text('{"text": "a", "extra": {"x": 1, "x": 2}}')  # no column: nothing that is read
    assert read(path) == [{"text": "a"}]
