"""Read a folder of text or image files: each sub-folder is a class, each file in it, at any depth, a row.

The id of a row is the path of its file.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import encoding_notes, file_text
from nlp_transfer.data.source import RawSplit, RowBatch, batches
from nlp_transfer.data.validation.blank import BLANK_PROBLEM, is_blank
from nlp_transfer.data.validation.images import IMAGE_SUFFIXES, files_inside
from nlp_transfer.data.validation.row_errors import NUL, NUL_ADVICE, NUL_PROBLEM
from nlp_transfer.errors import DataError
from nlp_transfer.files import entries_under, file_digest, files_under, utf8_problem


@dataclass(frozen=True)
class FileKind:
    """A kind of files that are rows, by their suffixes."""

    noun: str
    suffixes: tuple[str, ...]

    def __contains__(self, path: Path) -> bool:
        return path.name.lower().endswith(self.suffixes) and not _hidden(path)

    def files(self, folder: Path) -> Iterator[Path]:
        """Yield the files of this kind under a folder, at any depth, except hidden ones."""
        return (entry for entry in files_under(folder) if entry in self)

    @property
    def listed(self) -> str:
        """The suffixes, as text."""
        return " or ".join(self.suffixes)


TEXT_FILES = FileKind("text", (".txt", ".txt.gz"))
IMAGE_FILES = FileKind("image", IMAGE_SUFFIXES)


def class_folders(path: Path) -> list[Path]:
    """Return the sub-folders of `path` if any of them holds a text or an image, else an empty list."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not _hidden(entry))
    kinds = (TEXT_FILES, IMAGE_FILES)
    return folders if any(next(kind.files(folder), None) for folder in folders for kind in kinds) else []


def class_folder_split(path: Path, prefix: str = "", encoding: str | None = None) -> RawSplit:
    """Return the rows under `path`, the N-th file by name in row N; ids are the prefix and the path within it."""
    kind = _kind(path)
    files = _class_files(path, kind)
    named = [(prefix + file.relative_to(path).as_posix(), label, file) for label, file in files]
    digest = hashlib.sha256()
    for _, file in files:
        digest.update(f"{file.relative_to(path)}\0{file_digest(file)}\n".encode("utf-8", "surrogateescape"))
    identity = (f"{kind.noun} folder", prefix, digest.hexdigest(), *([encoding] if encoding else []))
    if kind is IMAGE_FILES:
        rows = [
            (row, {"id": name, "image": file.relative_to(path).as_posix(), "label": label})
            for row, (name, label, file) in enumerate(named, 1)
        ]
        return RawSplit(str(path), lambda wanted: batches(rows, wanted), identity, files_inside(path))
    return RawSplit(str(path), _text_reader(path, named, encoding), identity)


def _text_reader(
    path: Path, named: list[tuple[str, str, Path]], encoding: str | None
) -> Callable[[Container[str]], Iterator[RowBatch]]:
    """Return the reader of text files, each an (id, label, file)."""

    def records() -> Iterator[tuple[int, dict[str, Any]]]:
        for row, (name, label, file) in enumerate(named, 1):
            text = file_text(file, encoding)
            if is_blank(text):
                raise DataError(f"{file}: the file {BLANK_PROBLEM}. Every file needs a text: fill or remove it.")
            if NUL in text:
                raise DataError(f"{file}: the text {NUL_PROBLEM}. {NUL_ADVICE}")
            yield row, {"id": name, "text": text, "label": label}

    def read(wanted: Container[str]) -> Iterator[RowBatch]:
        found = [note for _, _, file in named for note in encoding_notes(file, encoding)]
        more = (f"{len(found) - 1} more files of {path} are not UTF-8.",) if len(found) > 1 else ()
        return batches(records(), wanted, notes=(*found[:1], *more))

    return read


def _kind(path: Path) -> FileKind:
    """Return the kind of most of the files under a folder."""
    counts = Counter(kind.noun for file in files_under(path) for kind in (TEXT_FILES, IMAGE_FILES) if file in kind)
    return IMAGE_FILES if counts[IMAGE_FILES.noun] > counts[TEXT_FILES.noun] else TEXT_FILES


def _class_files(path: Path, kind: FileKind) -> list[tuple[str, Path]]:
    """Return (class, file) of each row; raise DataError for classes without files and files without a class."""
    problems: list[str] = []
    files: list[tuple[str, Path]] = []
    for folder in class_folders(path):
        found = sorted(kind.files(folder))
        if not found:
            problems.append(f"{folder}: the class {folder.name!r} has no {kind.noun} file ({kind.listed}).")
        others = [
            entry
            for entry in sorted(entries_under(folder))
            if not _hidden(entry) and (not entry.is_file() if entry in kind else not entry.is_dir())
        ]
        if others:
            named = ", ".join(entry.name for entry in others[:3])
            more = ", …" if len(others) > 3 else ""
            what = "1 entry is" if len(others) == 1 else f"{len(others)} entries are"
            problems.append(f"{folder}: {what} no {kind.listed} ({named}{more}). Take what is none out of the folder.")
        problems += [f"{path}: {problem}" for file in found if (problem := utf8_problem(file))][:3]
        files += [(folder.name, file) for file in found]
    without_class = sorted(entry for entry in path.iterdir() if entry in kind)
    if without_class:
        named = ", ".join(file.name for file in without_class[:3])
        problems.append(
            f"{path}: {len(without_class)} {kind.noun}s are in no class's folder ({named}). Move them into one."
        )
    if problems:
        raise DataError(problems)
    return files


def _hidden(path: Path) -> bool:
    """Return True for a hidden file, or one that a file manager leaves."""
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")
