"""Workbooks of LibreOffice and of pandas; `office/` holds one sheet as LibreOffice saves it in three forms."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.data.formats import FORMATS
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import DataError
from tests.data.formats.conftest import failure, read

OFFICE = Path(__file__).parent / "office"
TEXTS = [
    "Der Käufer zahlt „sofort“; danach haftet er.\nZweite Zeile",
    "Die Größe, gemessen am Übergabetag",
    '§ 3 – der Sänger sagte "nein" und später „ja“',
]
DETECTED = {
    "clauses.xlsx": ["clauses.xlsx: the sheet 'Klauseln' is read, and not 'Fehler'; `sheet` names another."],
    "windows.csv": [
        "windows.csv is not UTF-8 and read as Windows-1252 ('Käufer zahlt'). Set `encoding` if that is wrong.",
        "windows.csv: cells are separated by semicolons.",
    ],
    "unicode.csv": ["unicode.csv is read as UTF-16.", "unicode.csv: cells are separated by tabs."],
}


@pytest.mark.parametrize("name", DETECTED)
def test_what_libreoffice_saves(name: str) -> None:
    columns = {"klausel": "text", "Kauf": "labels", "Miete": "labels", "Nr": "id"}
    split = SplitConfig("stratified", validation=0, test=0)
    corpus = load_corpus(CorpusConfig(str(OFFICE / name), columns=columns, split=split, drop_empty=True))
    rows = corpus.splits["train"]
    assert rows["text"][:] == TEXTS and rows["id"][:] == ["1", "2", "3"]
    assert corpus.label_names == ["Kauf", "Miete"] and rows["labels"][:] == [[0], [0, 1], [1]]
    assert {*DETECTED[name], "Column 'Klausel ' is read as 'klausel'."} <= set(corpus.notes)
    config = CorpusConfig(
        str(OFFICE / name),
        columns={"Klausel": "text", "Art": "label"},
        split=split,
        label_separator=";",
        drop_empty=True,
    )
    assert load_corpus(config).splits["train"]["labels"][:] == [[0], [0, 1], [1]]


def test_texts_to_predict_of_a_workbook(caplog: pytest.LogCaptureFixture) -> None:
    reader = InputReader(str(OFFICE / "clauses.xlsx"), text_column="klausel")
    assert list(reader) == list(reader) == list(enumerate(TEXTS))
    assert [record.getMessage() for record in caplog.records] == [
        *DETECTED["clauses.xlsx"],
        "Column 'Klausel ' is read as 'klausel'.",
    ]


def test_a_missing_column_names_the_sheet_that_is_read() -> None:
    config = CorpusConfig(str(OFFICE / "clauses.xlsx"), columns={"satz": "text"})
    with pytest.raises(
        DataError, match=r"Unknown column 'satz'.* the sheet 'Klauseln' is read, and not 'Fehler'; `she"
    ):
        load_corpus(config)


def test_rows_count_as_in_the_sheet() -> None:
    batches = FORMATS[".xlsx"](OFFICE / "clauses.xlsx", frozenset(["Nr"]), FileSettings())
    assert [(batch.first_row, batch.columns) for batch in batches] == [(2, {"Nr": [1]}), (4, {"Nr": [2, 3]})]


def test_other_sheets_and_cells_that_hold_errors() -> None:
    path = OFFICE / "clauses.xlsx"
    rows = FORMATS[".xlsx"](path, frozenset(["text"]), FileSettings(sheet="Fehler"))
    assert next(rows).columns == {"text": ["gut"]}
    kept = FORMATS[".xlsx"](path, frozenset(["text"]), FileSettings(sheet="Fehler", keep_broken=True))
    broken = [batch.broken for batch in kept if batch.broken]
    assert [(row.place, row.problem) for row in broken] == [
        (f"{path}: row 3", "column 'text' holds the error #DIV/0!"),
    ]
    with pytest.raises(DataError, match=r"row 3: column 'text' holds the error #DIV/0!. Mend its formula"):
        next(rows)
    with pytest.raises(DataError, match=r"Unknown sheet 'Klausel'. Did you mean 'Klauseln'\?"):
        next(FORMATS[".xlsx"](path, frozenset(), FileSettings(sheet="Klausel")))


def test_workbooks_of_pandas(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    frame = pd.DataFrame({"text": ["a\r\nb", None], "label": [1, 2], "on": pd.to_datetime(["2024-01-01"] * 2)})
    frame.to_excel(path)  # with its index, which has no heading
    assert read(path) == [{"text": "a\r\nb", "label": 1}, {"text": None, "label": 2}]
    pd.DataFrame([["a", "b"]], columns=["text", "text"]).to_excel(path, index=False)
    assert failure(path) == f"{path}: the header (row 1) repeats 'text'; column names are unique."


def test_what_is_no_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.xlsx"
    path.write_bytes((OFFICE / "clauses.xlsx").read_bytes()[:-100])
    assert failure(path) == (
        f"{path} cannot be read as an Excel workbook (File is not a zip file). Save or fetch it again."
    )
    path.write_text("text,label\na,b\n")
    assert failure(path).startswith(f"{path} cannot be read as an Excel workbook (")
    path.write_bytes((OFFICE / "clauses.xlsx").read_bytes())
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert failure(path) == (
        f'{path}: the package openpyxl is missing. Run `pip install "nlp-transfer[xlsx]"`, or save the sheet as CSV.'
    )
