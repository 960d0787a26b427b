"""Select the files of a published model, each with its reason. Files in no table are not published.

Pickles, optimizer states, predictions, logs and caches are in no table.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import MANIFEST, manifest_of
from nlp_transfer.models.files.validate import ADAPTER_CONFIG, EXTRACTOR, check_safe

CONFIG, TOKENIZER, TOKENIZER_CONFIG = "config.json", "tokenizer.json", "tokenizer_config.json"

_TOKENIZER = (
    (TOKENIZER, "the tokenizer"),
    (TOKENIZER_CONFIG, "the tokenizer's settings"),
    ("special_tokens_map.json", "the tokenizer's special tokens"),
    ("added_tokens.json", "words that were added to the vocabulary"),
    ("vocab.*", "the vocabulary"),
    ("merges.txt", "the vocabulary's merges"),
    ("bpe.codes", "the vocabulary's merges"),
    ("*.model", "the vocabulary"),
    ("chat_template.jinja", "the tokenizer's template"),
    ("preprocessor_config.json", "size, mean and deviation of images"),
)
MODEL_FILES = (
    (CONFIG, "architecture, label names, length and decision"),
    ("generation_config.json", "how the model writes"),
    ("model.safetensors", "weights"),
    ("model-*-of-*.safetensors", "weights, a part"),
    ("model.safetensors.index.json", "which part holds which weights"),
    *_TOKENIZER,
)
"""Patterns of published files of a model's folder, with reasons; the first match counts."""

ADAPTER_FILES = (
    (ADAPTER_CONFIG, "kind and size of the adapter"),
    ("adapter_model.safetensors", "the adapter's weights, and the head's"),
    *_TOKENIZER,
)
"""The same for an adapter's folder."""

_NOT_SCANNED = (MANIFEST, "vocab.json", "model.safetensors.index.json")

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

_PLACES = ("_name_or_path", "name_or_path")
"""Keys of configurations that hold paths of this machine."""

NOT_ON_HUB = "an encoder that is not on the Hub"


@dataclass(frozen=True)
class RepoFile:
    """Hold a file of a published model: its name there, and the local file or bytes."""

    name: str
    content: Path | bytes
    why: str

    @property
    def size_bytes(self) -> int:
        """Return the size in bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def read(self) -> bytes:
        """Return the content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(frozen=True)
class BaseModel:
    """Hold the public facts on the model that was trained, in words without a path of this machine.

    Args:
        root: the model on the Hub from which earlier runs made it.
    """

    words: str
    hub_id: str | None = None
    revision: str | None = None
    root: str | None = None


def model_files(folder: Path, *, under: str = "", base: BaseModel | None = None) -> list[RepoFile]:
    """Return the files of a model or an adapter, with their manifest.

    Args:
        folder: holds `config.json` or `adapter_config.json`.
        under: prefix of names in the repository, such as `adapter/`.
        base: an adapter's base model, which its configuration then names.
    """
    check_safe(folder)
    table = ADAPTER_FILES if (folder / ADAPTER_CONFIG).is_file() else MODEL_FILES
    parts: list[RepoFile] = []
    inner: list[RepoFile] = []
    for path in sorted(folder.iterdir()):
        why = _why(path.name, table)
        if path.name == EXTRACTOR and path.is_dir():
            _refuse_link(path)
            inner = model_files(path, under=f"{under}{EXTRACTOR}/")
        elif why is not None and path.is_file():
            _refuse_link(path)
            parts.append(RepoFile(under + path.name, _cleaned(path, base) or path, why))
    if not any(part.name.endswith(".safetensors") for part in parts):
        held = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise CheckpointError(f"{folder} has no weights (*.safetensors), so there is nothing to push; it holds {held}.")
    contents = {part.name.removeprefix(under): part.content for part in [*parts, *inner]}
    manifest = manifest_of(dict(sorted(contents.items())))
    return [*parts, *inner, RepoFile(under + MANIFEST, manifest, "sizes and hashes of the model's files")]


def unpublished_files(folder: Path, parts: Sequence[RepoFile]) -> list[str]:
    """Return the names in a folder that are not among the files to publish; folders end in a slash."""
    go = {part.content for part in parts if isinstance(part.content, Path)}
    rewritten = {Path(part.name).name for part in parts if isinstance(part.content, bytes)}
    left = []
    for path in sorted(path for path in folder.iterdir() if path not in go and path.name not in rewritten):
        if any(one.is_relative_to(path) for one in go):
            left += [f"{path.name}/{name}" for name in unpublished_files(path, parts)]
        else:
            left.append(f"{path.name}/" if path.is_dir() else path.name)
    return left


def is_pushed_file(name: str) -> bool:
    """Return True for a file that pushes write, and may replace or delete."""
    own = name.removeprefix("adapter/").removeprefix(f"{EXTRACTOR}/")
    if "/" in own:  # somebody else's, whatever its name ends in
        return False
    return own == MANIFEST or _why(own, MODEL_FILES) is not None or _why(own, ADAPTER_FILES) is not None


def _tokenizer_texts(part: RepoFile) -> list[str]:
    """Return the strings of `tokenizer.json` without vocabulary and merges: added words, special tokens, templates."""
    tree = json.loads(part.read())
    if isinstance(tree, dict) and isinstance(tree.get("model"), dict):
        tree["model"] = {key: value for key, value in tree["model"].items() if key not in ("vocab", "merges")}
    return list(dict.fromkeys(_strings(tree)))


def _strings(tree: Any) -> Iterator[str]:
    """Yield the strings of a tree that are values, not keys."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for one in tree.values() if isinstance(tree, dict) else tree:
            yield from _strings(one)


def _weight_notes(part: RepoFile) -> str:
    """Return the metadata of a safetensors file, a line each."""
    from safetensors import safe_open

    if not isinstance(part.content, Path):
        return ""
    with safe_open(part.content, framework="np") as file:
        return "\n".join(f"{key}: {value}" for key, value in (file.metadata() or {}).items())


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise CheckpointError(f"{path} is a link; expected the file itself. Copy it into the folder.")


def _why(name: str, table: Sequence[tuple[str, str]]) -> str | None:
    return next((why for pattern, why in table if fnmatchcase(name, pattern)), None)


def _cleaned(path: Path, base: BaseModel | None) -> bytes | None:
    """Return a configuration without paths of this machine; None where it names none."""
    if path.name not in (CONFIG, TOKENIZER_CONFIG, ADAPTER_CONFIG):
        return None
    tree = json.loads(path.read_bytes())
    clean: dict[str, Any] = _without_places(tree)
    if path.name == ADAPTER_CONFIG:
        clean["base_model_name_or_path"] = base.hub_id if base is not None else None
        clean["revision"] = base.revision if base is not None else None
    return None if clean == tree else (json.dumps(clean, indent=2, ensure_ascii=False) + "\n").encode()


def _without_places(tree: Any) -> Any:
    """Return a configuration, and those inside it, without paths of this machine."""
    if isinstance(tree, dict):
        return {key: _without_places(value) for key, value in tree.items() if key not in _PLACES}
    return [_without_places(one) for one in tree] if isinstance(tree, list) else tree


def texts_of(parts: Sequence[RepoFile]) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of everything that is scanned before a push; vocabulary and merges are the encoder's."""
    for part in parts:
        own = Path(part.name).name
        if own == TOKENIZER:
            if strings := _tokenizer_texts(part):
                yield f"{part.name}, outside its vocabulary", "\n".join(strings)
        elif own.endswith(".safetensors"):
            if notes := _weight_notes(part):
                yield f"{part.name}, notes", notes
        elif own.endswith((".json", ".md", ".jinja")) and own not in _NOT_SCANNED:
            yield part.name, part.read().decode()


def wording(name: str, text: str) -> str:
    """Return a text line by line; of JSON only its strings, since its numbers are scores and sizes.

    Example:
        >>> wording("config.json", '{"label": "a fee", "layers": 6}')
        'label | a fee | layers'
    """
    if not name.endswith(".json"):
        return text
    lines = (" | ".join(map(json.loads, _QUOTED.findall(line))) for line in text.split("\n"))
    return "\n".join(line.replace("\n", " ") for line in lines)
