"""Read a folder of text files: each sub-folder is a class, each file in it, at any depth, a row with its path as id."""

import hashlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import encoding_notes, file_text
from nlp_transfer.data.source import RawSplit, RowBatch, batches
from nlp_transfer.data.validation.blank import BLANK_PROBLEM, is_blank
from nlp_transfer.data.validation.row_errors import NUL, NUL_ADVICE, NUL_PROBLEM
from nlp_transfer.errors import DataError
from nlp_transfer.files import entries_under, file_digest, files_under, utf8_problem

TEXT_SUFFIXES = (".txt", ".txt.gz")
"""Suffixes of text files."""


def class_folders(path: Path) -> list[Path]:
    """Return the sub-folders of `path` if any of them holds a text file, else an empty list."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return folders if any(next(text_files(folder), None) for folder in folders) else []


def text_folder_split(path: Path, prefix: str = "", encoding: str | None = None) -> RawSplit:
    """Return the rows under `path`, the N-th file by name in row N; ids are the prefix and the path within it."""
    files = _class_files(path)

    def records() -> Iterator[tuple[int, dict[str, Any]]]:
        for row, (label, file) in enumerate(files, 1):
            name = prefix + file.relative_to(path).as_posix()
            text = file_text(file, encoding)
            if is_blank(text):
                raise DataError(f"{file}: the file {BLANK_PROBLEM}. Every file needs a text: fill or remove it.")
            if NUL in text:
                raise DataError(f"{file}: the text {NUL_PROBLEM}. {NUL_ADVICE}")
            yield row, {"id": name, "text": text, "label": label}

    digest = hashlib.sha256()
    for _, file in files:
        digest.update(f"{file.relative_to(path)}\0{file_digest(file)}\n".encode("utf-8", "surrogateescape"))

    def read(wanted: Container[str]) -> Iterator[RowBatch]:
        found = [note for _, file in files for note in encoding_notes(file, encoding)]
        more = (f"{len(found) - 1} more files of {path} are not UTF-8.",) if len(found) > 1 else ()
        return batches(records(), wanted, notes=(*found[:1], *more))

    identity = ("text folder", prefix, digest.hexdigest(), *([encoding] if encoding else []))
    return RawSplit(str(path), read, identity)


def _class_files(path: Path) -> list[tuple[str, Path]]:
    """Return (class, file) of each text; raise DataError for classes without texts and files without a class."""
    problems: list[str] = []
    files: list[tuple[str, Path]] = []
    for folder in class_folders(path):
        texts = sorted(text_files(folder))
        if not texts:
            problems.append(f"{folder}: the class {folder.name!r} has no text file ({' or '.join(TEXT_SUFFIXES)}).")
        others = [
            entry
            for entry in sorted(entries_under(folder))
            if not _hidden(entry) and (not entry.is_file() if _is_text(entry) else not entry.is_dir())
        ]
        if others:
            named = ", ".join(entry.name for entry in others[:3])
            problems.append(f"{folder}: {len(others)} files are no {' or '.join(TEXT_SUFFIXES)} ({named}, …).")
        problems += [f"{path}: {problem}" for file in texts if (problem := utf8_problem(file))][:3]
        files += [(folder.name, file) for file in texts]
    without_class = sorted(entry for entry in path.iterdir() if _is_text(entry) and not _hidden(entry))
    if without_class:
        named = ", ".join(text.name for text in without_class[:3])
        problems.append(f"{path}: {len(without_class)} texts are in no class's folder ({named}). Move them into one.")
    if problems:
        raise DataError(problems)
    return files


def text_files(folder: Path) -> Iterator[Path]:
    """Yield the text files under a folder, at any depth, except hidden ones."""
    return (entry for entry in files_under(folder) if _is_text(entry) and not _hidden(entry))


def _is_text(path: Path) -> bool:
    """Return True for the name of a text file."""
    return path.name.lower().endswith(TEXT_SUFFIXES)


def _hidden(path: Path) -> bool:
    """Return True for a hidden file, such as .DS_Store."""
    return path.name.startswith(".")
