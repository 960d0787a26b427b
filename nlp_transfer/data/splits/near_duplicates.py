"""Groups of texts that are alike: the Jaccard similarity of their sets of 5-word shingles reaches a threshold.

MinHash signatures (Broder 1997) in b bands of r values find a pair of similarity s with probability 1 - (1 - s^r)^b,
the exact similarity decides, and pairs join groups. Shingles lie in a temporary file: memory stays near the signatures'
512 bytes a text. Reference: Leskovec et al., Mining of Massive Datasets, chapter 3
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import IO

import numpy as np
from datasketch import MinHash
from rich.console import Console
from rich.progress import track

SHINGLE_WORDS = 5
PERMUTATIONS = 128
_MISSED = 1e-4  # maximum probability of missing a pair at the threshold
_PROGRESS_ROWS = 20_000  # number of texts from which a progress bar is shown


_WORD = re.compile(r"\w+")
_SLICE = 20_000
_MARGIN = 0.2  # 4.5 standard deviations of the MinHash estimate (at most sqrt(1/4 / 128) = 0.044)
_POWERS = np.array([0x9E3779B97F4A7C15**power % 2**64 for power in range(SHINGLE_WORDS)], np.uint64)[::-1]


def near_duplicate_groups(texts: Iterable[str], count: int, similarity: float) -> np.ndarray:
    """Return group ids from 0, shape (count,): the same for texts that are alike, directly or over others.

    Args:
        similarity: Jaccard similarity of shingle sets from which two texts are alike, in (0, 1].

    Example:
        >>> near_duplicate_groups(["a b c d e f", "A B c d e f!", "u v w x y z"], 3, similarity=0.6).tolist()
        [0, 0, 1]
    """
    with tempfile.TemporaryFile() as file:
        representative, sets = _index(texts, count, file)
        unions = _Unions(len(sets.signatures))
        for run in _candidate_runs(sets.signatures, band_rows(similarity)):
            _join(run, sets, similarity, unions)
        roots = np.array([unions.find(index) for index in range(len(sets.signatures))], np.int64)
        del sets  # before its file goes
    return np.unique(roots[representative], return_inverse=True)[1]


def shingles(text: str) -> np.ndarray:
    """Return the hashes of a text's 5-word shingles, sorted, without repeats; a shorter text is one shingle."""
    words = _WORD.findall(text.lower())
    if len(words) < SHINGLE_WORDS:
        return np.array([_word_hash(" ".join(words) or text.strip())], np.uint64)
    hashes = np.fromiter(map(_word_hash, words), np.uint64, len(words))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, SHINGLE_WORDS)
    return np.unique((windows * _POWERS).sum(1, dtype=np.uint64))


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Return |A ∩ B| / |A ∪ B| of two sorted arrays without repeats.

    Example:
        >>> jaccard(np.array([1, 2, 3]), np.array([2, 3, 4]))
        0.5
    """
    common = len(np.intersect1d(first, second, assume_unique=True))
    return common / (len(first) + len(second) - common)


def band_rows(similarity: float) -> int:
    """Return the number of values of a band: the most for which recall at `similarity` is 1 - _MISSED.

    Example:
        >>> band_rows(0.6), band_rows(1.0)
        (3, 16)
    """
    fitting = [r for r in range(1, 17) if (1 - similarity**r) ** (PERMUTATIONS // r) <= _MISSED]
    return max(fitting, default=1)


@lru_cache(maxsize=1 << 18)
def _word_hash(word: str) -> int:
    """Return 64 bits of a word."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class _Sets:
    """Hold distinct shingle sets.

    Args:
        stored: the hashes of all sets, one set after the other, on disk.
        offsets: where each set starts, and the end, shape (sets + 1,).
        signatures: shape (sets, 128).
    """

    stored: np.ndarray
    offsets: np.ndarray
    signatures: np.ndarray

    def __getitem__(self, index: int) -> np.ndarray:
        return self.stored[self.offsets[index] : self.offsets[index + 1]]


def _index(texts: Iterable[str], count: int, file: IO[bytes]) -> tuple[np.ndarray, _Sets]:
    """Return the set of each text, shape (count,), and the sets, written to `file`."""
    empty = MinHash(PERMUTATIONS, seed=1, hashfunc=int)  # the values are hashes already
    known: dict[bytes, int] = {}
    representative, offsets = np.empty(count, np.int64), [0]
    signatures: list[np.ndarray] = []
    console = Console(stderr=True)
    tracked = track(texts, "Comparing texts", count, console=console, transient=True, disable=count < _PROGRESS_ROWS)
    for row, text in enumerate(tracked):
        hashes = shingles(text)
        digest = blake2b(hashes.tobytes(), digest_size=16).digest()
        representative[row] = known.setdefault(digest, len(known))
        if len(known) == len(signatures):
            continue  # the same set of shingles as an earlier text
        file.write(hashes.tobytes())
        offsets.append(offsets[-1] + len(hashes))
        minhash = empty.copy()
        for start in range(0, len(hashes), _SLICE):
            minhash.update_batch((hashes[start : start + _SLICE] >> np.uint64(32)).tolist())
        signatures.append(minhash.hashvalues.astype(np.uint32))
    file.flush()
    stored = np.memmap(file, np.uint64, "r") if count else np.empty(0, np.uint64)  # a set has one hash at least
    matrix = np.array(signatures, np.uint32).reshape(-1, PERMUTATIONS)
    return representative, _Sets(stored, np.array(offsets, np.int64), matrix)


def _candidate_runs(signatures: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """Yield indices of texts that share all values of a band."""
    for start in range(0, PERMUTATIONS - rows + 1, rows):
        band = signatures[:, start : start + rows]
        order = np.lexsort(band.T)
        changed = np.any(band[order[1:]] != band[order[:-1]], axis=1)
        bounds = np.concatenate([[0], np.flatnonzero(changed) + 1, [len(order)]])
        for index in np.flatnonzero(np.diff(bounds) > 1):
            yield np.sort(order[bounds[index] : bounds[index + 1]])


def _join(run: np.ndarray, sets: _Sets, similarity: float, unions: "_Unions") -> None:
    """Join the sets of a run that are alike."""
    signatures = sets.signatures
    sizes = sets.offsets[run + 1] - sets.offsets[run]
    for place, index in enumerate(run[:-1].tolist()):
        others, other_sizes = run[place + 1 :], sizes[place + 1 :]
        size = sizes[place]
        # Sets of sizes a < b have a similarity of a/b at most; the signatures' share of equal values estimates it.
        likely = np.minimum(size, other_sizes) >= similarity * np.maximum(size, other_sizes)
        likely[likely] = (signatures[others[likely]] == signatures[index]).mean(1) >= similarity - _MARGIN
        for other in others[likely].tolist():
            together = unions.find(index) == unions.find(other)
            if not together and unions.is_new(index, other) and jaccard(sets[index], sets[other]) >= similarity:
                unions.join(index, other)


class _Unions:
    """Disjoint sets of 0 … count - 1, and the pairs that were compared.

    The numbers of the groups decide which split a group is drawn into: another library's numbering would make other
    splits of the same corpus and seed.
    """

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self._seen: set[tuple[int, int]] = set()

    def find(self, index: int) -> int:
        """Return the set of an element."""
        parent = self._parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(self, first: int, second: int) -> None:
        """Join two sets."""
        self._parent[self.find(second)] = self.find(first)

    def is_new(self, first: int, second: int) -> bool:
        """Return True for a pair that is new, and note it."""
        if (first, second) in self._seen:
            return False
        self._seen.add((first, second))
        return True
