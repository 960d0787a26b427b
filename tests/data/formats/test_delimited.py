"""CSV and TSV."""

from pathlib import Path

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
        "text;label\nx;a\n": "the header (row 1) is 'text;label': its cells seem to be separated by semicolons, not commas.",
    }.items():
        path.write_text(content)
        assert message in failure(path)
