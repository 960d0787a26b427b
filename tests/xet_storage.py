"""The storage that the Hub's client sends large files to, as far as an upload needs it: xorbs, shards, whole files.

A xorb is a row of chunks; a shard says which chunks of which xorbs make a file. A file counts as arrived when its
chunks give the SHA-256 that the shard names. Chunks come uncompressed (the fixture `loopback_xet` asks for that). Of
the newer routes, grants for uploads straight to a bucket and shards whose progress is told, none is there: the client
then takes these. Nothing is given back by this way; the Hub's plain `resolve` serves downloads.
Reference: https://huggingface.co/docs/xet (xorb, shard, upload protocol)
"""

import hashlib
from collections.abc import Iterator

TOKEN = "xet_loopback"
"""What lets into the storage; the Hub gives it to those who may write."""

_ENTRY_BYTES = 48
_HAS_VERIFICATION, _HAS_METADATA = 1 << 31, 1 << 30
_LAST = b"\xff" * 32


def chunks(xorb: bytes) -> list[bytes]:
    """The chunks of a xorb: each a version, a length, how it is compressed, the length without, and the bytes."""
    found, place = [], 0
    while place < len(xorb):
        length, compression = _number(xorb[place + 1 : place + 4]), xorb[place + 4]
        if compression:
            raise ValueError(
                f"a chunk is compressed (kind {compression}); expected HF_XET_XORB_COMPRESSION_POLICY=none"
            )
        found.append(xorb[place + 8 : place + 8 + length])
        place += 8 + length
    return found


def files(shard: bytes, xorbs: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """(SHA-256, content) of each file of a shard; raises ValueError where they do not agree."""
    entries = (shard[place : place + _ENTRY_BYTES] for place in range(_ENTRY_BYTES, len(shard), _ENTRY_BYTES))
    for head in entries:
        if head[:32] == _LAST:  # what follows is about xorbs
            return
        flags, count = _number(head[32:36]), _number(head[36:40])
        rows = [next(entries) for _ in range(count)]
        content = b"".join(
            piece for row in rows for piece in chunks(xorbs[named(row[:32])])[_number(row[40:44]) : _number(row[44:48])]
        )
        if flags & _HAS_VERIFICATION:
            for _ in range(count):
                next(entries)
        sha256 = named(next(entries)[:32]) if flags & _HAS_METADATA else ""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"the chunks of a file do not give its SHA-256, {sha256}")
        yield sha256, content


def named(digest: bytes) -> str:
    """A hash as it stands in addresses: four numbers, each with its lowest byte first."""
    return b"".join(digest[place : place + 8][::-1] for place in range(0, 32, 8)).hex()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
