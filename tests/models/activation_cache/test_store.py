"""The store: what is read is what was written, a torn or foreign file never is, and the folder keeps to its size."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.models.activation_cache import store as module
from nlp_transfer.models.activation_cache.digests import DIGEST
from nlp_transfer.models.activation_cache.entry import HEADER_BYTES
from nlp_transfer.models.activation_cache.store import ActivationStore, NotStoredError, format_bytes

KEY, OTHER = "ab" * 32, "cd" * 32
DIGESTS = np.array([b"a" * 16, b"b" * 16, b"c" * 15 + b"\0"], dtype=DIGEST)
LENGTHS = [2, 1, 3]
SIZE = HEADER_BYTES + 3 * 16 + 4 * 8 + 6 * 4 * 4


def vectors(text: int) -> np.ndarray:
    return np.arange(LENGTHS[text] * 4, dtype=np.float32).reshape(-1, 4) + 100 * text


def fill(store: ActivationStore, key: str = KEY) -> None:
    with store.writing(key, DIGESTS, LENGTHS, 4, "float32") as writer:
        for text in (2, 0, 1):
            writer.put(text, vectors(text))


@pytest.fixture
def store(tmp_path: Path) -> ActivationStore:
    return ActivationStore(10**6, tmp_path / "cache" / "activations", setting="the.limit")


def test_what_is_read_is_what_was_written(store: ActivationStore) -> None:
    assert store.read(KEY) is None
    fill(store)
    entry = store.read(KEY)
    assert isinstance(entry.values, np.memmap)
    assert not entry.values.flags.writeable
    for text in range(3):
        np.testing.assert_array_equal(entry.vectors(text), vectors(text))
    assert entry.size_bytes == store.path(KEY).stat().st_size == SIZE
    assert store.read(OTHER) is None


def test_texts_are_found_all_or_not_at_all(store: ActivationStore) -> None:
    fill(store)
    entry = store.read(KEY)
    assert entry.find(DIGESTS[[2, 0, 2]]).tolist() == [2, 0, 2]
    assert entry.find(np.array([b"a" * 16, b"z" * 16], dtype=DIGEST)) is None
    assert entry.find(np.array([b"c" * 16], dtype=DIGEST)) is None


def test_only_the_user_may_read(store: ActivationStore) -> None:
    fill(store)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()] == [0o600, 0o600]  # entry, lock


@pytest.mark.parametrize("place", [0, 20, HEADER_BYTES + 3, SIZE - 1], ids=["magic", "header", "digests", "values"])
def test_a_changed_byte_is_not_read_and_the_file_goes(store: ActivationStore, place: int) -> None:
    fill(store)
    content = bytearray(store.path(KEY).read_bytes())
    content[place] ^= 0x5A
    store.path(KEY).write_bytes(content)
    assert store.read(KEY) is None
    assert not store.path(KEY).exists()
    fill(store)
    assert store.read(KEY) is not None


@pytest.mark.parametrize("size", [0, 5, HEADER_BYTES, SIZE - 1, SIZE + 1])
def test_a_torn_file_is_not_read(store: ActivationStore, size: int) -> None:
    fill(store)
    os.truncate(store.path(KEY), size)
    assert store.read(KEY) is None


def test_a_file_of_another_key_or_a_link_is_not_read(store: ActivationStore, tmp_path: Path) -> None:
    fill(store)
    store.path(KEY).rename(store.path(OTHER))
    assert store.read(OTHER) is None
    fill(store)
    with_output_dir = tmp_path / "elsewhere"
    store.path(KEY).rename(with_output_dir)
    store.path(KEY).symlink_to(with_output_dir)
    assert store.read(KEY) is None
    assert with_output_dir.exists()


def test_what_is_raised_inside_leaves_nothing(store: ActivationStore) -> None:
    with pytest.raises(RuntimeError, match="stop"), store.writing(KEY, DIGESTS, LENGTHS, 4, "float32") as writer:
        writer.put(0, vectors(0))
        raise RuntimeError("stop")
    assert [path.name for path in store.folder.iterdir()] == [".lock"]


def test_a_text_that_was_not_written_or_has_another_shape_is_an_error(store: ActivationStore) -> None:
    with (
        pytest.raises(ValueError, match="1 of 3 texts were not written"),
        store.writing(KEY, DIGESTS, LENGTHS, 4, "float32") as writer,
    ):
        writer.put(0, vectors(0))
        writer.put(1, vectors(1))
    with (
        pytest.raises(ValueError, match=r"Text 0 has float32 \(1, 4\); announced was float32 \(2, 4\)"),
        store.writing(KEY, DIGESTS, LENGTHS, 4, "float32") as writer,
    ):
        writer.put(0, vectors(1))
    assert store.read(KEY) is None


def test_two_that_make_the_same_entry_both_succeed(store: ActivationStore) -> None:
    with store.writing(KEY, DIGESTS, LENGTHS, 4, "float32") as first:
        fill(store)
        entry = store.read(KEY)
        for text in range(3):
            first.put(text, vectors(text))
    np.testing.assert_array_equal(entry.vectors(2), vectors(2))  # the one that was replaced stays mapped
    np.testing.assert_array_equal(store.read(KEY).vectors(2), vectors(2))
    assert len(list(store.folder.glob("*.tmp"))) == 0


WRITER = """
import sys
from pathlib import Path
from tests.models.activation_cache.test_store import KEY, fill
from nlp_transfer.models.activation_cache.store import ActivationStore
store = ActivationStore(10**6, Path(sys.argv[1]))
for _ in range(30):
    fill(store)
    assert store.read(KEY) is not None
"""


def test_processes_that_write_and_read_at_once(store: ActivationStore) -> None:
    root = Path(__file__).parents[3]
    runs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.folder)], env={**os.environ, "PYTHONPATH": str(root)})
        for _ in range(2)
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    np.testing.assert_array_equal(store.read(KEY).vectors(1), vectors(1))
    assert list(store.folder.glob("*.tmp")) == []


def test_what_was_used_longest_ago_goes_first(store: ActivationStore) -> None:
    store.limit_bytes = 2 * SIZE
    keys = ["1" * 64, "2" * 64, "3" * 64]
    for age, key in zip((300, 200), keys[:2], strict=True):
        fill(store, key)
        os.utime(store.path(key), (0, store.path(key).stat().st_mtime - age))
    mapped = store.read(keys[0])  # is used last now
    fill(store, keys[2])
    assert sorted(path.stem for path in store.folder.glob("*.act")) == [keys[0], keys[2]]
    assert sum(path.stat().st_size for path in store.folder.iterdir()) <= store.limit_bytes
    fill(store, keys[1])
    assert sorted(path.stem for path in store.folder.glob("*.act")) == [keys[1], keys[2]]
    np.testing.assert_array_equal(mapped.vectors(1), vectors(1))  # gone, and still mapped


def test_an_entry_above_the_limit_is_refused_and_drives_nothing_out(store: ActivationStore) -> None:
    fill(store, OTHER)
    store.limit_bytes = SIZE - 1
    with pytest.raises(NotStoredError) as caught:
        fill(store)
    assert str(caught.value) == "it would take 4.3 kB, more than the 4.3 kB that the.limit allows"
    assert store.path(OTHER).exists()


def test_what_others_are_writing_counts_until_it_is_abandoned(store: ActivationStore) -> None:
    store.limit_bytes = 2 * SIZE - 1
    fill(store, OTHER)
    busy = store.folder / f"{KEY[:16]}-{'0' * 32}.tmp"
    busy.write_bytes(bytes(SIZE))
    with pytest.raises(NotStoredError, match=r"other runs are writing 4\.3 kB to .* now"):
        fill(store)
    old = busy.stat().st_mtime - module.ABANDONED_SECONDS - 1
    os.utime(busy, (old, old))
    fill(store)
    assert not busy.exists()


def test_a_full_disk_and_a_folder_that_cannot_be_written(
    store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(NotStoredError, match=r"it would take 4\.3 kB, and 10 bytes are free in"):
        fill(store)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotStoredError, match=r"file/activations cannot be written: Not a directory"):
        fill(ActivationStore(10**6, tmp_path / "file" / "activations"))


def test_an_entry_without_vectors(store: ActivationStore) -> None:
    with store.writing(KEY, DIGESTS[:0], [], 4, "float32"):
        pass
    entry = store.read(KEY)
    assert entry.values.shape == (0, 4)
    assert entry.find(DIGESTS) is None


def test_bfloat16_is_kept_as_its_bits(store: ActivationStore) -> None:
    bits = np.array([[0x3F80, 0x4049]], dtype=np.uint16)
    with store.writing(KEY, DIGESTS[:1], [1], 2, "bfloat16") as writer:
        writer.put(0, bits)
    entry = store.read(KEY)
    assert entry.dtype == "bfloat16"
    np.testing.assert_array_equal(entry.vectors(0), bits)


def test_sizes_for_people() -> None:
    assert [format_bytes(count) for count in (0, 999, 1000, 12_345_678, 5 * 10**9, 3 * 10**12)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "12.3 MB",
        "5.0 GB",
        "3.0 TB",
    ]
