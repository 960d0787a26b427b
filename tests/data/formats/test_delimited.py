"""CSV and TSV."""

from pathlib import Path

import pytest

from tests.data.formats.conftest import failure, read


def test_csv_words_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nNA,null\n007,1\n")
    assert read(path) == [{"text": "NA", "label": "null"}, {"text": "007", "label": "1"}]


def test_csv_cells_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "x" * 200_000 + ",a\n")
    assert len(read(path)[0]["text"]) == 200_000


def test_csv_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for content, message in {
        "text,label\nx,a\ny\n": "row 3 (line 3): 1 cells, but the header has 2 (text, label). Put cells that hold commas",
        'text,label\n"x,a\ny,b\n': "row 2 (up to line 3): bad comma-separated text (unexpected end of data). Close every",
        "text,text\nx,a\n": "the header (row 1) repeats 'text'; column names are unique.",
        'text;label\n"x;a\n': "row 2 (up to line 2): bad semicolon-separated text (unexpected end of data). Close every",
        "sep=;\ntext;label\nx;a;b\n": "row 2 (line 3): 3 cells, but the header has 2 (text, label).",
    }.items():
        path.write_text(content)
        assert message in failure(path)


@pytest.mark.parametrize(
    "content",
    [
        "text;label\nx, y;a\n",
        "sep=;\r\ntext;label\r\nx, y;a\r\n",  # as Excel takes it
        '"text";"label"\r\n"x, y";"a"\r\n',
        "\n\ntext\tlabel\nx, y\ta\n",
        "text|label\nx, y|a\n",
        'text,label\n"x, y",a\n',
        "text;label;;\nx, y;a;;\n",  # empty columns at the right of a sheet
        'text;label;"one, or two"\nx, y;a;c\n',
        'label,"more; or, less",text\na,b,"x, y"\n',
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_separators_are_detected(tmp_path: Path, suffix: str, content: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content.encode())
    assert read(path) == [{"text": "x, y", "label": "a"}]


def test_a_sample_may_end_within_quotes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text;"label, or class"\n"x' + "\n," * 100 + '";a\n')
    assert read(path) == [{"text": "x" + "\n," * 100}]


def test_rows_count_as_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text,label\n\n"x\ny",a\n\nz\n')
    assert failure(path).startswith(f"{path}: row 5 (line 6): 1 cells, but the header has 2 (text, label).")
