"""JSON arrays are read one object at a time, and errors keep their line."""

import json
from pathlib import Path

import pytest

from nlp_transfer.data.formats import opening
from tests.data.formats.conftest import failure, read


def test_json_array_errors_name_line_and_object(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for content, message in {
        '[{"text": "a"},\n{"text": b}]': "line 2: broken JSON in object 2 (Expecting value).",
        '[{"text": "a"},\n': "line 2: the array ends early, after 1 objects. Was the file copied whole?",
        '[{"text": "a"}': "line 1: the array ends early, after 1 objects. Was the file copied whole?",
        '[{"text": "a"}\n{"text": "b"}]': "line 2: expected ',' or ']' after object 1, found '{'.",
        '["a", "b"]': "line 1: element 1 of the array starts with '\"'; expected an object",
        '[{"text": "a"}]\n[{"text": "b"}]': "line 2: text follows the end of the array; it would be lost.",
        '{\n "text": "a"\n}': "holds one JSON object over many lines; expected an array of objects",
    }.items():
        path.write_text(content)
        assert message in failure(path)


def test_json_lines_may_be_named_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert read(path) == [{"text": "a"}, {"text": "b"}]


def test_json_objects_larger_than_a_piece_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = [{"text": "x" * 3_000_000}, {"text": "y"}, {"text": "ü" * 1_500_000}]
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    assert read(path) == rows


def test_json_that_python_cannot_hold(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": "{}", "a.json": "[{}]"}.items():
        path = tmp_path / name
        for value in ("1" * 5000, "[" * 200_000 + "]" * 200_000):
            path.write_text(content.replace("{}", '{"text": ' + value + "}"))
            assert failure(path).startswith(f"{path}: line 1: ") and "Simplify this row." in failure(path)


def test_json_faults_late_in_a_file_keep_their_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[\n{"text": "a"},\n{"text": "b"},\n{"text": c}\n]')
    assert "line 4: broken JSON in object 3 (Expecting value)." in failure(path)
    path.write_text('[\n{"text": "a"},\n{"text": "b"},\n{"text": "c')
    assert "line 4: broken JSON in object 3 (Unterminated string starting at)." in failure(path)


@pytest.mark.parametrize("place", [b"4", b"true", b'"\\ud83d\\ude00"', b'"ab"', b"-1.5e-7", b"NaN"])
def test_json_objects_may_be_cut_anywhere_by_the_pieces_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: bytes
) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"text": ' + place + b', "label": "a"}, {"text": "b"}]')
    for size in range(1, 20):
        monkeypatch.setattr(opening, "CHUNK_BYTES", size)
        assert len(read(path)) == 2
