"""The file of an entry: what is written is what is read, and nothing else is."""

import io
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.models.activation_cache.digests import DIGEST
from nlp_transfer.models.activation_cache.entry import HEADER_BYTES, EntryWriter, entry_bytes, read_entry

DIGESTS = np.array([b"a" * 16, b"b" * 16], dtype=DIGEST)
STARTS = np.array([0, 2, 3], dtype="<i8")
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def write(path: Path, key: str = "ab") -> Path:
    path.write_bytes(bytes(entry_bytes(2, 3, 4, "float32")))
    with path.open("r+b") as file:
        writer = EntryWriter(file, DIGESTS, STARTS, 4, "float32")
        writer.put(1, VALUES[2:])
        writer.put(0, VALUES[:2])
        writer.finish(key)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "entry")
    assert path.stat().st_size == HEADER_BYTES + 2 * 16 + 3 * 8 + 12 * 4
    with path.open("rb") as file:
        entry = read_entry(file, path, "ab")
    assert entry is not None
    np.testing.assert_array_equal(entry.values, VALUES)
    np.testing.assert_array_equal(entry.vectors(1), VALUES[2:])
    assert entry.find(DIGESTS[::-1]).tolist() == [1, 0]
    assert entry.size_bytes == path.stat().st_size


def test_another_key_a_changed_byte_and_a_short_file_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "entry")
    with path.open("rb") as file:
        assert read_entry(file, path, "cd") is None
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with path.open("rb") as file:
        assert read_entry(file, path, "ab") is None
    path.write_bytes(content[:-1])
    with path.open("rb") as file:
        assert read_entry(file, path, "ab") is None
    assert read_entry(io.BytesIO(b"something else"), path, "ab") is None


def test_a_text_of_another_shape_or_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.write_bytes(bytes(entry_bytes(2, 3, 4, "float32")))
    with path.open("r+b") as file:
        writer = EntryWriter(file, DIGESTS, STARTS, 4, "float32")
        with pytest.raises(ValueError, match=r"Text 0 has float32 \(1, 4\); announced was float32 \(2, 4\)"):
            writer.put(0, VALUES[:1])
        writer.put(0, VALUES[:2])
        with pytest.raises(ValueError, match="1 of 2 texts were not written"):
            writer.finish("ab")
