"""Read a sheet of an Excel workbook, row by row. Row N is the sheet's row N; rows without any value hold no row.

Formulas are read as the values that the workbook keeps. The strings that cells share are held in memory.
"""

import warnings
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO, Any

from nlp_transfer.data.formats.delimited import check_header
from nlp_transfer.data.formats.opening import open_bytes
from nlp_transfer.data.formats.signatures import SIGNATURE_BYTES, check_signature
from nlp_transfer.data.source import BrokenRow, FileSettings, RowBatch, batches
from nlp_transfer.errors import DataError, did_you_mean

_ZIP = b"PK\x03\x04"


def read_xlsx(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read the sheet `settings.sheet`, or the first one.

    Raises:
        DataError: unreadable (see `open_bytes`), no workbook, no such sheet, a bad header, or a cell that holds an
            error; or openpyxl is missing.
    """
    with open_bytes(path) as file:
        start = file.read(SIGNATURE_BYTES)
        if not start.startswith(_ZIP):
            check_signature(path, start)
        file.seek(0)
        try:
            sheet, notes = _sheet(path, file, settings.sheet)
            yield from batches(_records(path, sheet, wanted), wanted, notes=notes, keep_broken=settings.keep_broken)
        except DataError:
            raise
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, SyntaxError) as error:  # the last of broken XML
            raise DataError(
                f"{path} cannot be read as an Excel workbook ({str(error).splitlines()[0]}). Save or fetch it again."
            ) from error


def _sheet(path: Path, file: IO[bytes], name: str | None) -> tuple[Any, tuple[str, ...]]:
    """Return a sheet, and a note on the sheets that are not read."""
    try:
        import openpyxl
    except ModuleNotFoundError as error:
        advice = 'Run `pip install "nlp-transfer[xlsx]"`, or save the sheet as CSV.'
        raise DataError(f"{path}: the package openpyxl is missing. {advice}") from error
    warnings.filterwarnings("ignore", module="openpyxl")  # of formats and drawings, which are no rows
    sheets = {sheet.title: sheet for sheet in openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets}
    if name is not None and name not in sheets:
        raise DataError(f"{path}: {did_you_mean('sheet', name, list(sheets))}")
    read = next(iter(sheets), None) if name is None else name
    if read is None:
        raise DataError(f"{path}: the workbook has no sheet of cells.")
    others = ", ".join(repr(other) for other in sheets if other != read)
    notes = (f"{path.name}: the sheet {read!r} is read, and not {others}; `sheet` names another.",) if others else ()
    sheets[read].reset_dimensions()  # some programs write them wrong
    return sheets[read], notes


def _records(path: Path, sheet: Any, wanted: Container[str]) -> Iterator[tuple[int, dict[str, Any] | BrokenRow]]:
    """Yield (row number, values by column)."""
    from openpyxl.utils.escape import unescape

    header: list[str] | None = None
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if all(cell.value is None for cell in cells):
            continue
        if header is None:
            header = check_header(path, number, ["" if cell.value is None else str(cell.value) for cell in cells])
            continue
        read = {name: cell for name, cell in zip(header, cells, strict=False) if name and name in wanted}
        if faulty := next((name for name, cell in read.items() if cell.data_type == "e"), None):
            problem = f"column {faulty!r} holds the error {read[faulty].value}"
            yield number, BrokenRow(f"{path}: row {number}", problem, "Mend its formula, or the row.")
            continue
        values = {name: cell.value for name, cell in read.items()}
        texts = {name: unescape(value) for name, value in values.items() if isinstance(value, str)}
        yield number, {**dict.fromkeys(filter(None, header)), **values, **texts}  # rows may be shorter than the header
