"""Faults of folders of text files with one sub-folder a class."""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.broken.contents import BAD_BYTES, LARGE_BYTES
from tests.broken.corpora import CLASSES, Choose

FILES_A_CLASS = 8


@dataclass(frozen=True)
class TextFolder:
    """A corpus of text files that lies on the disk.

    Args:
        folder: its root.
        ending: `.gz` or nothing.
    """

    folder: Path
    ending: str

    def file(self, choose: Choose) -> Path:
        """Any of its files."""
        name = choose(st.sampled_from(CLASSES))
        return self.folder / name / f"{choose(st.integers(0, FILES_A_CLASS - 1))}.txt{self.ending}"

    def fill(self, file: Path, data: bytes) -> Path:
        """Write a file, compressed where its name says so. Returns it."""
        file.write_bytes(gzip.compress(data, 1) if self.ending else data)
        return file


Strike = Callable[[TextFolder, Choose], tuple[str, ...]]
"""(corpus, choose) -> the words that the message must hold, the file among them."""

FAULTS: list[Strike] = []


def whole_text_folder(folder: Path, ending: str) -> TextFolder:
    """Write one without a fault."""
    made = TextFolder(folder, ending)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for n in range(FILES_A_CLASS):
            made.fill(folder / name / f"{n}.txt{ending}", f"a text of class {name}, number {n} ü\nline\n".encode())
    return made


def fault(strike: Strike) -> Strike:
    """Put a strike into the table."""
    FAULTS.append(strike)
    return strike


@fault
def empty_text_file(corpus, choose):
    blank = choose(st.sampled_from(["", " ", "\n\n", "\u3000\t"]))
    return (str(corpus.fill(corpus.file(choose), blank.encode())), "is empty or has no visible character")


@fault
def zero_width_text_file(corpus, choose):
    return (str(corpus.fill(corpus.file(choose), "\u200b\u00ad\n".encode())), "is empty or has no visible character")


@fault
def text_file_not_utf8(corpus, choose):
    bad, lines = choose(st.sampled_from(BAD_BYTES)), choose(st.integers(0, 3))
    data = b"a line\n" * lines + b"then " + bad + b" follows"
    return (str(corpus.fill(corpus.file(choose), data)), f"line {lines + 1}: byte 0x{bad[0]:02x}", "is not UTF-8")


@fault
def text_file_not_utf8_late(corpus, choose):
    lines = choose(st.integers(150_000, 200_000))
    data = b"a line\n" * lines + b"caf\xff"
    return (str(corpus.fill(corpus.file(choose), data)), f"line {lines + 1}: byte 0xff at offset {7 * lines + 3}")


@fault
def nul_in_a_text_file(corpus, choose):
    file = corpus.fill(corpus.file(choose), b"a text\0\0\0\n")
    return (str(file), "NUL character")


@fault
def huge_text_file(corpus, choose):
    return (str(corpus.fill(corpus.file(choose), b"a word " * (LARGE_BYTES // 7 + 1))), "longer than")


@fault
def class_without_text(corpus, choose):
    folder = corpus.folder / "empty class"
    folder.mkdir()
    return (str(folder), "has no text file")


@fault
def file_that_is_no_text(corpus, choose):
    file = corpus.file(choose).with_name(choose(st.sampled_from(["notes.pdf", "1.text", "README", "1.txt.bz2"])))
    file.write_bytes(b"x")
    return (str(file.parent), file.name, "no .txt")


@fault
def link_to_no_text(corpus, choose):
    file = corpus.file(choose)
    file.unlink()
    file.symlink_to("nowhere")
    return (str(file.parent), file.name)


@fault
def directory_in_place_of_a_text(corpus, choose):
    file = corpus.file(choose)
    file.unlink()
    file.mkdir()
    return (str(file.parent), file.name)


@fault
def pipe_in_place_of_a_text(corpus, choose):
    file = corpus.file(choose)
    file.unlink()
    os.mkfifo(file)
    return (str(file.parent), file.name)


@fault
def one_class_folder(corpus, choose):
    kept = choose(st.sampled_from(CLASSES))
    for name in CLASSES:
        if name != kept:
            (corpus.folder / name).rename(corpus.folder / f".{name}")  # hidden, as systems hide folders
    return ("source (", ": all", f"have one class, '{kept}'")


@fault
def truncated_or_plain_gzip_text(corpus, choose):
    file = corpus.file(choose)
    file = file if corpus.ending else file.with_name("more.txt.gz")
    whole = gzip.compress(b"some text of some length")
    data = choose(st.sampled_from([whole[:12], whole[:-5], whole[:-1], b"plain text", whole + b"rubbish"]))
    file.write_bytes(data)
    return (str(file), "gzip")


@fault
def folder_without_texts(corpus, choose):
    for path in [*corpus.folder.rglob("*.txt*")]:
        path.unlink()
    return (str(corpus.folder), "is neither a folder of split-named files")
