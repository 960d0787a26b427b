"""Refuse unsafe model folders before transformers reads them.

A folder from elsewhere is data, but some entries name files to open or code to run. What leads out of the folder, to a
pickle, to native code on the Hub or to other code to read the weights is refused, and an adapter next to a model, which
would change it silently. Vocabularies are found by their usual names. Imports neither torch nor transformers.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError, format_value
from nlp_transfer.models.config_values import entries, form_problems, json_object, value_problems
from nlp_transfer.models.files.manifest import check_manifest, has_manifest, links_out

EXTRACTOR = "extractor"
"""Folder inside a model's for the extractive summarizer that selects sentences of long documents."""

ADAPTER_CONFIG = "adapter_config.json"

_UNREAD = ("tokenizer_config.json", "special_tokens_map_file")
"""File and key of a path that transformers writes into many models and never opens."""

_PATH_KEY = re.compile(r"vocab|merges|.*_(vocab|file)")
"""Keys of a tokenizer's files that transformers may read as a path."""

_ATTENTION = (None, "eager", "sdpa", "flex_attention")
_TOKENIZER_CLASS = r"\w*(Tokenizer|TokenizerFast|TokenizersBackend|PythonBackend|SentencePieceBackend)"
_DELETE = "Nothing of it was loaded. Delete that key, or take the model from a source that you trust."
_DISTRUST = "Nothing of it was loaded. If you trust this folder, mend that entry; else take the model from its maker."


def check_safe(folder: Path) -> None:
    """Check a model's folder by its manifest, if it has one, and by its entries; raise `CheckpointError`."""
    if has_manifest(folder):
        check_manifest(folder)
    if problems := list(form_problems(folder)):
        raise CheckpointError(problems)
    problems = [*links_out(folder), *_config_problems(folder), *_tokenizer_problems(folder), *value_problems(folder)]
    for index in sorted(folder.glob("*.safetensors.index.json")):
        problems += _shard_problems(index)
    if (folder / ADAPTER_CONFIG).is_file() and (folder / "config.json").is_file():
        problems.append(
            f"{folder} holds a model (config.json) and an adapter ({ADAPTER_CONFIG}); which one is meant cannot be "
            "known. Move the adapter's files into a folder of their own."
        )
    if problems:
        raise CheckpointError(problems)


def pickled_weights(names: Collection[str]) -> list[str]:
    """Return the files with pickled weights, if no safetensors are present."""
    if any(name.endswith(".safetensors") and not name.startswith("adapter_") for name in names):
        return []
    return sorted(
        name
        for name in names
        if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl")) and "training_args" not in name
    )


def adapter_base(folder: Path) -> str:
    """Return the base model that a folder's adapter names, for messages; it is not opened."""
    base = json_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    return f", which it says is {base!r}" if base else ""


def _config_problems(folder: Path) -> Iterator[str]:
    place = folder / "config.json"
    config = json_object(place)
    weights = config.get("transformers_weights")
    if weights is not None and not (_is_plain(weights) and str(weights).endswith((".safetensors", ".index.json"))):
        yield f"{place}: transformers_weights is {weights!r}; expected a safetensors file in this folder. {_DISTRUST}"
    for path, key, value in entries(config):
        if key in ("attn_implementation", "_attn_implementation") and value not in _ATTENTION:
            yield (
                f"{place}: {path} is {value!r}, for which native code may be downloaded; expected one of "
                f"{', '.join(str(name) for name in _ATTENTION[1:])}. {_DISTRUST}"
            )
        if key == "quantization_config" and value is not None:
            yield (
                f"{place}: {path} says that the weights are quantized, and such are not read. Name a folder with "
                "weights in float32, float16 or bfloat16."
            )
        if key == "tokenizer_class":
            yield from _class_problem(place, value)


def _tokenizer_problems(folder: Path) -> Iterator[str]:
    place = folder / "tokenizer_config.json"
    config = json_object(place)
    yield from _class_problem(place, config.get("tokenizer_class"))
    files = config.get("fast_tokenizer_files", [])
    if not (isinstance(files, list) and all(_is_plain(name) for name in files)):
        yield f"{place}: fast_tokenizer_files is {files!r}; expected names of files in this folder. {_DISTRUST}"
        files = []
    if config.get("init_inputs"):  # passed to the tokenizer's class by position, and its first is a vocabulary
        yield f"{place}: init_inputs is {format_value(config['init_inputs'])}; expected none. {_DELETE}"
    special = folder / "special_tokens_map.json"
    for key, value in json_object(special).items():
        if not (key.endswith(("_token", "_tokens")) or _names_file(key, value)):
            yield f"{special}: {key} is no special token; expected keys such as cls_token. {_DELETE}"
    for named in (place, special, folder / "tokenizer.json", *(folder / name for name in files)):
        yield from _path_problems(named)


def _path_problems(place: Path) -> Iterator[str]:
    """Yield the entries of a tokenizer's file that transformers would open as a file."""
    for path, key, value in entries(json_object(place)):
        if _names_file(key, value) and (place.name, path) != _UNREAD:
            yield (
                f"{place}: {path} is {format_value(value)}, which could name any file; vocabularies are found by "
                f"their usual names, in this folder. {_DELETE}"
            )


def _names_file(key: str, value: Any) -> bool:
    return _PATH_KEY.fullmatch(key) is not None and type(value) in (str, int)  # a number names an open file


def _class_problem(place: Path, name: Any) -> Iterator[str]:
    if name is not None and not (isinstance(name, str) and re.fullmatch(_TOKENIZER_CLASS, name)):
        yield f"{place}: tokenizer_class is {name!r}; expected a tokenizer, such as BertTokenizer. {_DISTRUST}"


def _shard_problems(index: Path) -> Iterator[str]:
    shards = json_object(index).get("weight_map", {})
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else [repr(shards)]
    for name in names:
        if not _is_plain(name) or not name.endswith(".safetensors"):
            yield f"{index}: weight_map names {name!r}; expected safetensors files in this folder. {_DISTRUST}"


def _is_plain(name: Any) -> bool:
    """Return True for the name of a visible file without a path."""
    return isinstance(name, str) and re.fullmatch(r"[^./\\\0][^/\\\0]*", name) is not None
