"""Detect files by their first bytes when they are not the text that their name promises.

Otherwise messages would name a byte that is not UTF-8, and advise to set the encoding of a file that is no text.
"""

from pathlib import Path

from nlp_transfer.errors import DataError

SIGNATURE_BYTES = 40
"""Number of first bytes that identify a file."""

_GZIP = b"\x1f\x8b\x08"
_PACKED = "Unpack it; of packed files only gzip (.gz) is read."

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or Office file", "Let the name of a workbook end in .xlsx; unpack an archive."),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old or locked Office file",
        "Save it as .xlsx, without a password.",
    ),
    (b"PAR1\x15", "a Parquet file", "The name of one ends in .parquet: rename it."),  # without \x15 it is also a gene
    (b"%PDF-1.", "a PDF file", "Extract its text, for instance with `pdftotext`."),
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the data", "Fetch them with `git lfs pull`."),
    (b"\xfd7zXZ\x00", "an xz file", _PACKED),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", _PACKED),
    *((f"BZh{level}1AY&SY".encode(), "a bzip2 file", _PACKED) for level in range(1, 10)),
)
"""First bytes, description and advice."""


def check_signature(path: Path, start: bytes) -> None:
    """Raise `DataError` for content of a known kind that is no text.

    Args:
        start: the first `SIGNATURE_BYTES` bytes, decompressed if the name ends in `.gz`.

    Example:
        >>> check_signature(Path("texts.txt"), b"Clause 1")
    """
    if start.startswith(_GZIP):
        if path.name.lower().endswith(".gz"):
            raise DataError(f"{path} was packed twice with gzip. Unpack it once, and let its name end in .gz again.")
        if isinstance(path, Path):
            raise DataError(f"{path} is a gzip file, though its name does not say so. Rename it to {path.name}.gz.")
        raise DataError(f"{path} is a gzip file. Unpack it on the way: `gunzip -c FILE | …`.")
    for signature, what, advice in SIGNATURES:
        if start.startswith(signature):
            raise DataError(f"{path} is {what}. {advice}")
