"""What a fault of a corpus is, and what faults are made of.

A fault changes a draft at a place that is drawn, and returns the words that the error must hold beside the file: the row
or line, and what is wrong with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.broken.corpora import SINGLE, Choose, Draft, pack, serialise, write

Strike = Callable[[Draft, str, Choose], tuple[str, ...]]
"""(draft, split, choose) -> the words that the message must hold."""


@dataclass(frozen=True)
class Fault:
    """One way to break a corpus.

    Args:
        strike: does it.
        step: where in the writing it strikes: `rows`, `raw`, `packed` or `disk`.
        suffixes: the formats that it can be in.
        touches: what it changes; two faults in one corpus touch different things.
        splits: the splits that it can be in; `all` is a corpus of one file.
        names_file: whether the message names the file; else it names the key or folder that the words hold.
        max_bytes: how much memory the error may take.
    """

    strike: Strike
    step: str
    suffixes: tuple[str, ...]
    touches: str
    splits: tuple[str, ...] = (SINGLE, "train", "dev", "test")
    names_file: bool = True
    max_bytes: int = 64 << 20

    @property
    def name(self) -> str:
        return self.strike.__name__.replace("_", " ")


class Faults(list[Fault]):
    """The faults of one module.

    Args:
        step: at which step they strike, where they do not say otherwise.
    """

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    def add(
        self, *suffixes: str, touches: str = "file", step: str | None = None, **options: Any
    ) -> Callable[[Strike], Strike]:
        """Put the decorated strike among them."""

        def put(strike: Strike) -> Strike:
            self.append(Fault(strike, step or self.step, suffixes, touches, **options))
            return strike

        return put


def write_broken(draft: Draft, faults: Sequence[tuple[Fault, str]], choose: Choose) -> list[tuple[str, ...]]:
    """Write a draft with faults in their splits. Returns the words that tell of each."""
    words: list[tuple[str, ...]] = []

    def at(step: str) -> None:
        for fault, split in faults:
            if fault.step == step:
                file = str(draft.file(split))
                found = fault.strike(draft, split, choose)
                words.append((file, *found) if fault.names_file else found)

    at("rows")
    serialise(draft)
    at("raw")
    draft.raw = pack(draft)
    at("packed")
    write(draft, draft.raw)
    at("disk")
    return words


def some_row(draft: Draft, split: str, choose: Choose) -> int:
    """The index of a row: the first, the last or any between."""
    return choose(st.integers(0, len(draft.rows[split]) - 1))


def spoil(draft: Draft, split: str, choose: Choose, column: str, value: Any) -> str:
    """Put a value into one row. Returns the row's place."""
    index = some_row(draft, split, choose)
    draft.rows[split][index][column] = value
    return draft.row(index)


def rename(draft: Draft, split: str, old: str, new: str) -> None:
    draft.rows[split] = [
        {new if name == old else name: value for name, value in row.items()} for row in draft.rows[split]
    ]


def edit_line(draft: Draft, split: str, index: int, edit: Callable[[bytes], bytes]) -> str:
    """Change the line that holds a row. Returns its place."""
    lines = draft.raw[split].splitlines(keepends=True)
    place = draft.line_place(index)
    lines[place] = edit(lines[place])
    draft.raw[split] = b"".join(lines)
    return draft.line(index)
