"""List a folder's files with sizes and hashes, to detect damaged or changed folders before they are read.

    {"version": 1, "files": {"model.safetensors": {"bytes": 90874416, "sha256": "53aa5117…"}, …}}

`manifest.json` is written last, so that a folder that has one is complete and on the disk. It is no signature. Imports
neither torch nor transformers.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from nlp_transfer.errors import CheckpointError

MANIFEST = "manifest.json"

READ_OF_A_MODEL = (
    *("*.json", "*.txt", "*.model", "*.spm", "*.codes", "*.tokenizer", "*.tiktoken", "*.jinja", "*.py"),
    *("*.safetensors", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5", "*.gguf", "*.onnx", "*.data"),
)
"""Patterns of the files that libraries read: configuration, vocabulary, code and weights."""

_NOT_READ = (MANIFEST, "metrics.json", "training_args.bin")
"""Files that no library reads: scores added by a push, and `Trainer`'s arguments."""

_TEMPORARY_NAME = f".{MANIFEST}.tmp"
"""Name of the manifest while it is written; only one process writes a folder."""

_VERSION = 1


def has_manifest(folder: Path) -> bool:
    """Return True if the folder has a manifest, valid or not."""
    return os.path.lexists(folder / MANIFEST)


def write_manifest(folder: Path) -> None:
    """Sync every file of the folder, at any depth, to disk and list it in `manifest.json`. Call it last."""
    if problems := links_out(folder):
        raise CheckpointError(problems)
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for path in files.values():
        _sync(path)
    for inner, _, _ in os.walk(folder):
        sync_folder(Path(inner))
    temporary = folder / _TEMPORARY_NAME
    temporary.unlink(missing_ok=True)  # of a process that died; never written through, should it be a link
    with temporary.open("xb") as out:
        out.write(manifest_of(files))
    _sync(temporary)
    temporary.replace(folder / MANIFEST)
    sync_folder(folder)


def manifest_of(contents: Mapping[str, Path | bytes]) -> bytes:
    """Return the manifest of files given by name, as contents or paths."""
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(content, bytes)
        else {"bytes": content.stat().st_size, "sha256": _sha256(content)}
        for name, content in contents.items()
    }
    return (json.dumps({"version": _VERSION, "files": files}, indent=1) + "\n").encode("ascii")


def check_manifest(folder: Path, read: Sequence[str] = READ_OF_A_MODEL) -> None:
    """Check that the folder's files match its manifest, and that all files that are read are listed.

    Args:
        folder: holds the manifest; hidden inner folders, and those with a manifest of their own, are skipped.
        read: patterns of names of files that are read; other files need not be listed.
    """
    try:
        problems = links_out(folder)
        listed = {} if problems else _read(folder)
        problems += [_outside(folder, f"names {name!r}, which is") for name in listed if not _is_inside(folder, name)]
        problems += [] if problems else _unlisted(folder, listed, read)
        if not problems:  # sizes first, so that a damaged folder is refused at once
            problems = [problem for name, (size, _) in listed.items() for problem in _size_problem(folder, name, size)]
        for name, (_, expected) in listed.items() if not problems else ():
            if (actual := _sha256(folder / name)) != expected:
                what = f"has the SHA-256 {actual[:12]}…, but {MANIFEST} says {expected[:12]}…"
                problems.append(f"{folder / name} {what} {_advice(folder)}")
    except OSError as error:
        place = error.filename or folder
        raise CheckpointError(f"{folder} cannot be checked: {place}: {error.strerror or error}.") from error
    if problems:
        raise CheckpointError(problems)


def listed_files(folder: Path) -> set[str]:
    """Return the names that a folder's manifest lists; raise `CheckpointError` if it cannot be read."""
    return set(_read(folder))


def folder_fingerprint(folder: Path, pattern: str = "*") -> str:
    """Return the SHA-256 (hex) of names and contents of the folder's files of a pattern, without sub-folders."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return hashlib.sha256("".join(f"{path.name} {_sha256(path)}\n" for path in files).encode()).hexdigest()


def _read(folder: Path) -> dict[str, tuple[int, str]]:
    """Return (size in bytes, SHA-256) by name."""
    place = folder / MANIFEST
    try:
        tree: Any = json.loads(place.read_bytes())
        version = tree["version"]
        files = {str(name): (entry["bytes"], entry["sha256"]) for name, entry in tree["files"].items()}
    except FileNotFoundError as error:
        if not folder.exists():
            raise CheckpointError(f"There is no folder {folder}.") from error
        raise CheckpointError(
            f"{folder} has no {MANIFEST}, which is written last: it is not complete. {_remedy(folder)}"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f'{place} is torn or no manifest; expected {{"version": {_VERSION}, "files": {{NAME: {{"bytes": N, '
            f'"sha256": HEX}}}}}}. {_remedy(folder)}'
        ) from error
    if version != _VERSION:
        raise CheckpointError(f"{place} is of version {version!r}; expected {_VERSION}. Use a newer nlp-transfer.")
    wrong = [name for name, (size, sha) in files.items() if type(size) is not int or not isinstance(sha, str)]
    if wrong:
        raise CheckpointError(f"{place}: {wrong[0]!r} has no size and SHA-256 that can be read. {_remedy(folder)}")
    return files


def _size_problem(folder: Path, name: str, size: int) -> list[str]:
    place = folder / name
    if not place.is_file():
        return [f"{place} is missing; {MANIFEST} says {size:,} bytes. {_remedy(folder)}"]
    actual = place.stat().st_size
    if actual == size:
        return []
    return [f"{place} has {actual:,} bytes, but {MANIFEST} says {size:,}. {_advice(folder)}"]


def _files(folder: Path) -> Iterator[Path]:
    """Return the regular files in an order that does not depend on the disk."""
    for inner, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(inner) / name
            if path.is_file() and path not in (folder / MANIFEST, folder / _TEMPORARY_NAME):
                yield path


def _unlisted(folder: Path, listed: Mapping[str, Any], read: Sequence[str]) -> list[str]:
    """Return a problem where files that are read stand in no manifest."""
    strange = []
    for path in _files(folder):
        name = path.relative_to(folder)
        apart = any(has_manifest(folder / inner) or inner.name.startswith(".") for inner in list(name.parents)[:-1])
        if name.as_posix() in listed or path.name in _NOT_READ or apart:
            continue
        if any(fnmatchcase(path.name, pattern) for pattern in read):
            strange.append(name.as_posix())
    if not strange:
        return []
    more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
    return [
        f"{folder} holds {', '.join(strange[:5])}{more}, which {MANIFEST} does not list. Delete what does not belong "
        f"there, or copy {folder.name} anew. If it was you who added it, {_accept(folder)}."
    ]


def links_out(folder: Path) -> list[str]:
    """Return a problem for each link that leads out of the folder."""
    problems = []
    for inner, folders, names in os.walk(folder):
        for path in (Path(inner) / name for name in (*folders, *names)):
            if path.is_symlink() and not _leads_inside(folder, path):
                problems.append(_outside(folder, f"holds the link {path.relative_to(folder)}, which leads to what is"))
    return problems


def _is_inside(folder: Path, name: str) -> bool:
    """Return True if a listed name stays in the folder, links followed."""
    pure = PurePosixPath(name)
    plain = bool(name) and "\0" not in name and not pure.is_absolute() and ".." not in pure.parts
    return plain and _leads_inside(folder, folder / name)


def _leads_inside(folder: Path, path: Path) -> bool:
    """Return True if a path stays in the folder, links followed."""
    root = folder.resolve()
    try:
        real = path.resolve()
    except RuntimeError:  # a circle of links, which leads nowhere
        return False
    # The Hub's cache keeps a model's files in `blobs` and links to them from `snapshots/COMMIT` and folders in it.
    snapshot = root.parent if root.parent.parent.name == "snapshots" else root
    blobs = snapshot.parent.parent / "blobs"
    return real.is_relative_to(root) or (snapshot.parent.name == "snapshots" and real.is_relative_to(blobs))


def _outside(folder: Path, what: str) -> str:
    return (
        f"{folder}: it {what} outside this folder; nothing is read there. Copy the files themselves into the folder, "
        "or take one from a source that you trust."
    )


def _advice(folder: Path) -> str:
    remedy = f"The file was changed, or not wholly copied. {_remedy(folder)}"
    return f"{remedy} If it was you who changed it, {_accept(folder)}."


def _accept(folder: Path) -> str:
    if (folder / "trainer_state.json").exists():
        return (
            "list it anew in Python: import pathlib; from nlp_transfer.models.files.manifest import write_manifest; "
            f"write_manifest(pathlib.Path({str(folder)!r}))"
        )
    return f"delete {folder / MANIFEST}"


def _remedy(folder: Path) -> str:
    return f"Copy {folder.name} anew from where it was made, or make it again."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Sync a folder's names to disk, if the system can."""
    if os.name == "posix":
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
