"""Check the values in a model's folder before transformers reads it or allocates memory for it.

Checked are the form of JSON files; the sizes, rates, names and labels in config.json; our own record in it; the lengths
and tokens of the tokenizer's files; and the headers of the weights. Imports neither torch nor transformers.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError, format_value

CONFIG = "config.json"

RECORD = "nlp_transfer"
"""Key of our own record in config.json."""

CLASS_FREQUENCIES = "class_frequencies"
"""Key of the record for the share of each class among the rows that a classifier learned from."""

SIZES = {
    **dict.fromkeys(("num_hidden_layers", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers"), 1_000),
    **dict.fromkeys(("num_attention_heads", "n_heads", "num_heads", "encoder_attention_heads"), 1_000),
    **dict.fromkeys(("hidden_size", "embedding_size", "dim", "d_model"), 65_536),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff"), 1_000_000),
    **dict.fromkeys(("vocab_size", "max_position_embeddings"), 10_000_000),
    **dict.fromkeys(("num_labels", "_num_labels"), 1_000_000),  # transformers names as many labels as it reads the file
    "type_vocab_size": 1_000,
}
"""Maximum value of each size in config.json; the minimum is 1."""

OBJECTS = (
    CONFIG,
    *("tokenizer_config.json", "tokenizer.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"),
    *("generation_config.json", "adapter_config.json", "model.safetensors.index.json"),
)
"""JSON files of a model that are read; each holds an object."""

NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    r"(\w*_)?(dropout|dropout_prob|dropout_rate)": (lambda value: 0 <= value <= 1, "0 to 1"),
    r"(\w*_)?(eps|epsilon)": (lambda value: 0 <= value <= 1, "0 to 1"),
    r"(\w*_)?(initializer_range|init_std)": (lambda value: 0 <= value < math.inf, "0 or more"),
    r".*": (math.isfinite, "a finite number"),
}
"""Allowed numbers by pattern of a key of config.json; the first pattern that matches counts."""

NAMES = {
    **dict.fromkeys(("dtype", "torch_dtype"), ("float64", "float32", "float16", "bfloat16", "auto")),
    "problem_type": ("regression", "single_label_classification", "multi_label_classification"),
}
"""Allowed words by key of config.json."""

IN_WEIGHTS = ("hidden_size", "embedding_size", "dim", "intermediate_size", "hidden_dim", "vocab_size")
"""Sizes of tensors, for which memory is allocated regardless of the checkpoint."""

MAX_UNCHECKED_SIZE = 4_096
"""Maximum size that is not checked against the weights."""

_FLOATS = ("F64", "F32", "F16", "BF16")
_ACTIVATION = re.compile(r"(\w*_)?(act|act_fn|activation|activation_function)")
_COMMON_ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu", "tanh")

_ANEW = "Take the file anew from where the model came from."


def value_problems(folder: Path) -> Iterator[str]:
    """Yield a problem text for each value that no network can have; unreadable files are skipped."""
    place = folder / CONFIG
    config = json_object(place)
    shapes: list[tuple[int, ...]] = []
    for file in sorted(folder.glob("*.safetensors")):
        for name, entry in _header(file).items():
            shapes.append(tuple(entry.get("shape", ())))
            if entry.get("dtype") not in _FLOATS and name.endswith((".weight", ".bias")):
                yield f"{file}: {name} is of type {entry.get('dtype')}; expected {', '.join(_FLOATS)}."
    known = {size for shape in shapes for size in shape}
    of_images = (folder / "preprocessor_config.json").is_file()
    for path, key, value in entries({name: item for name, item in config.items() if name != RECORD}):
        least = 0 if key == "type_vocab_size" else 1  # some networks have no token types
        sizes = value if of_images and isinstance(value, list) and value else [value]  # one for each stage
        if key in SIZES and not all(type(size) is int and least <= size <= SIZES[key] for size in sizes):
            yield f"{place}: {path} is {format_value(value)}; expected a whole number from {least} to {SIZES[key]:,}."
        elif of_images and (key == "vocab_size" or isinstance(value, list)):  # of what they were pretrained to guess
            continue
        elif key in IN_WEIGHTS and known and value not in known and value > MAX_UNCHECKED_SIZE:
            yield f"{place}: {path} is {value:,}, and no tensor of the weights has that size."
        elif type(value) in (int, float) and key not in NAMES:
            fits, expected = next(test for pattern, test in NUMBERS.items() if re.fullmatch(pattern, key))
            if not fits(value):
                yield f"{place}: {path} is {value}; expected {expected}."
        elif key in NAMES or (isinstance(value, str) and _ACTIVATION.fullmatch(key)):
            choices = NAMES.get(key) or _activations(str(value))
            if value is not None and str(value).removeprefix("torch.") not in choices:
                yield f"{place}: {path} is {format_value(value)}; expected one of {', '.join(choices)}."
        elif path in ("is_decoder", "add_cross_attention") and value is True:
            yield f"{place}: {path} is true, as in a decoder; expected false, as in an encoder."
    yield from _index_problems(place, config)
    yield from _record_problems(place, config)
    yield from _tokenizer_problems(folder)


def _index_problems(place: Path, config: dict[str, Any]) -> Iterator[str]:
    """Yield problems of the padding token's number and of the numbers of labels."""
    vocabulary, pad = config.get("vocab_size"), config.get("pad_token_id")
    if pad is not None and not (type(pad) is int and 0 <= pad < (vocabulary if type(vocabulary) is int else math.inf)):
        expected = f"expected a number from 0 to below vocab_size ({vocabulary})"
        yield f"{place}: pad_token_id is {format_value(pad)}; {expected}."
    labels = config.get("id2label")
    if labels is not None and not (isinstance(labels, dict) and all(re.fullmatch(r"\d+", key) for key in labels)):
        expected = 'expected a name by number, such as {"0": "no", "1": "yes"}'
        yield f"{place}: id2label is {format_value(labels)}; {expected}."
    elif labels and (wrong := [name for name in labels.values() if not isinstance(name, str)]):
        yield f"{place}: id2label names a label {format_value(wrong[0])}; expected a word."


def form_problems(folder: Path) -> Iterator[str]:
    """Yield a problem text for each JSON file of a model that is no JSON or holds no object."""
    for place in (folder / name for name in OBJECTS):
        try:
            tree = json.loads(place.read_text("utf-8"))
        except OSError:  # most models lack some of them
            continue
        except RecursionError:
            yield f"{place} is nested too deeply to be a model's. {_ANEW}"
        except ValueError as error:  # also bytes that are no UTF-8
            yield f"{place} is no JSON file in UTF-8 ({error}). {_ANEW}"
        else:
            if not isinstance(tree, dict):
                yield f"{place} holds {json.dumps(tree)[:60]}; expected a JSON object, {{…}}. {_ANEW}"


def label_problems(folder: Path) -> Iterator[str]:
    """Yield problem texts for the labels in a checked folder: gaps in their numbers, and empty or repeated names."""
    labels: dict[str, str] | None = json_object(folder / CONFIG).get("id2label")
    if labels is None:
        return
    names = list(labels.values())
    if set(labels) != set(map(str, range(len(labels)))) or not labels:
        yield f"{folder / CONFIG}: id2label numbers its labels {', '.join(labels) or 'not at all'}; expected 0, 1, 2, …"
    if blank := [name for name in names if not name.strip()]:
        yield f"{folder / CONFIG}: id2label names a label {format_value(blank[0])}; expected a word."
    elif repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        yield f"{folder / CONFIG}: id2label gives the name {repeated[0]!r} to several labels; expected each once."


def _record_problems(place: Path, config: dict[str, Any]) -> Iterator[str]:
    """Yield problems of our own record: maximum length, class frequencies and thresholds."""
    record = config.get(RECORD)
    if record is None:
        return
    if not isinstance(record, dict):
        yield f"{place}: {RECORD} is {format_value(record)}; expected what a run recorded, an object."
        return
    longest = record.get("max_length", 1)
    if not (type(longest) is int and 1 <= longest <= 1_000_000):
        yield f"{place}: {RECORD}.max_length is {format_value(longest)}; expected a number of tokens, such as 512."
    shares = record.get(CLASS_FREQUENCIES, [])
    if not (isinstance(shares, list) and all(type(one) in (int, float) and 0 <= one <= 1 for one in shares)):
        yield f"{place}: {RECORD}.{CLASS_FREQUENCIES} is {format_value(shares)}; expected shares of classes, 0 to 1."
    thresholds = record.get("thresholds", {})
    if not isinstance(thresholds, dict):
        yield f"{place}: {RECORD}.thresholds is {format_value(thresholds)}; expected a probability by label."
        return
    for label, value in thresholds.items():
        if type(value) not in (int, float) or not 0 <= value <= 1:
            yield f"{place}: {RECORD}.thresholds.{label} is {format_value(value)}; expected a probability, 0 to 1."
    labels = config.get("id2label")
    names = set(map(str, labels.values())) if isinstance(labels, dict) else set()
    if thresholds and names and (other := names ^ set(thresholds)):
        yield (
            f"{place}: {RECORD}.thresholds and id2label name different labels ({', '.join(sorted(other)[:4])}); "
            "expected one threshold for each."
        )


def _tokenizer_problems(folder: Path) -> Iterator[str]:
    """Yield problems of a tokenizer's files: maximum length and token numbers."""
    place = folder / "tokenizer_config.json"
    longest = json_object(place).get("model_max_length", 1)
    if type(longest) not in (int, float) or not longest >= 1:
        yield f"{place}: model_max_length is {format_value(longest)}; expected a number of tokens, such as 512."
    for place in (folder / "added_tokens.json", folder / "vocab.json"):
        wrong = [(token, index) for token, index in json_object(place).items() if type(index) is not int or index < 0]
        if wrong:
            yield f"{place}: {wrong[0][0]!r} is {format_value(wrong[0][1])}; expected the token's number, 0 or more."


def _activations(name: str) -> tuple[str, ...]:
    if name in _COMMON_ACTIVATIONS:  # which need no import
        return _COMMON_ACTIVATIONS
    from transformers.activations import ACT2FN

    return tuple(ACT2FN)


def entries(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (dotted path, key, value) of every entry of a JSON tree."""
    pending = [("", value)]
    for place, tree in pending:  # which grows meanwhile; a tree may be deeper than functions may call each other
        if isinstance(tree, list):
            pending += [(f"{place}[{index}]", item) for index, item in enumerate(tree)]
        for key, item in tree.items() if isinstance(tree, dict) else ():
            inner = f"{place}.{key}" if place else str(key)
            yield inner, str(key), item
            if key not in ("vocab", "merges"):  # a hundred thousand tokens, which are no keys
                pending.append((inner, item))


def _header(file: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a safetensors file by tensor; empty for a damaged file."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            tree = json.loads(stream.read(length)) if length <= file.stat().st_size else {}
    except (OSError, ValueError, RecursionError):
        return {}
    tensors = tree.items() if isinstance(tree, dict) else ()
    return {name: entry for name, entry in tensors if name != "__metadata__" and isinstance(entry, dict)}


def json_object(place: Path) -> dict[str, Any]:
    """Return a JSON file's object; empty if it is missing or damaged."""
    try:
        tree = json.loads(place.read_bytes())
    except RecursionError as error:
        raise CheckpointError(f"{place} is nested too deeply to be a model's. {_ANEW}") from error
    except (OSError, ValueError):
        return {}
    return tree if isinstance(tree, dict) else {}
