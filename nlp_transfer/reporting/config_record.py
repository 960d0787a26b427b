"""Write down and compare a run's configuration: plain, without secrets, by dotted paths."""

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from nlp_transfer.files import to_json_value
from nlp_transfer.training.neutral_settings import ROUNDING_SETTINGS, is_result_neutral

_SECRETS = ("hub_token", "push_to_hub_token", "api_key", "password")
NULL = repr(None)
_HIDDEN = "***"
_SHORTEST_TOKEN = 8
_ROUNDS = " (the result may differ in its last digits)"


def config_record(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in JSON's types, without the keys that hold secrets.

    Example:
        >>> config_record({"model": "bert", "training": {"hub_token": "hf_…", "seed": 1}})
        {'model': 'bert', 'training': {'seed': 1}}
    """

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key not in _SECRETS}
        return [clean(item) for item in value] if isinstance(value, list) else value

    record: dict[str, Any] = clean(to_json_value(config))
    return record


def command_record(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the values of secret options and of variables that end in `TOKEN` hidden.

    Example:
        >>> command_record(["train.py", "--training.hub_token", "hf_…"])
        ['train.py', '--training.hub_token', '***']
    """
    record: list[str] = []
    known = [value for name, value in os.environ.items() if name.endswith("TOKEN") and len(value) >= _SHORTEST_TOKEN]
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if record and _is_secret_option(record[-1]):
            record.append(_HIDDEN)
        elif equals and option.startswith("--") and (_is_secret_option(option) or _holds_secret(value)):
            record.append(f"{option}={_HIDDEN}")
        elif not argument.startswith("--") and _holds_secret(argument):
            record.append(_HIDDEN)
        else:
            for token in known:
                argument = argument.replace(token, _HIDDEN)  # noqa: PLW2901
            record.append(argument)
    return record


def config_differences(old: Mapping[str, Any], new: Mapping[str, Any], *, without_effect: bool = False) -> list[str]:
    """Return what differs between two configurations: the keys that may change a result, or those without effect.

    A key that is not there is null: an older version did not know it.

    Example:
        >>> config_differences({"training": {"seed": 0}}, {"training": {"seed": 1}})
        ['training.seed: 0 -> 1']
    """
    before, after = leaves(config_record(old)), leaves(config_record(new))
    return [
        f"{path}: {before.get(path, 'not set')} -> {after.get(path, 'not set')}"
        f"{_ROUNDS if path in ROUNDING_SETTINGS else ''}"
        for path in {**after, **before}
        if before.get(path, NULL) != after.get(path, NULL) and is_result_neutral(path) == without_effect
    ]


def differing(tree: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a tree that differs from another one.

    Example:
        >>> differing({"model": "bert", "training": {"seed": 1, "fp16": False}}, {"training": {"fp16": False}})
        {'model': 'bert', 'training': {'seed': 1}}
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        other = base.get(key)
        if key in base and value == other:
            continue
        found[key] = differing(value, other) if isinstance(value, Mapping) and isinstance(other, Mapping) else value
    return found


def _is_secret_option(argument: str) -> bool:
    return argument.startswith("--") and argument.rpartition(".")[2].removeprefix("--") in _SECRETS


def _holds_secret(text: str) -> bool:
    """Return whether a value is a section of YAML that names a secret."""
    return text.lstrip().startswith(("{", "[")) and any(key in text for key in _SECRETS)


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Return values by dotted path, as their `repr`; an empty dict or list is a value.

    Example:
        >>> leaves({"methods": ["lora"], "search": {}})
        {'methods.0': "'lora'", 'search': '{}'}
    """
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, item in items for k, v in leaves(item, f"{path}.{key}" if path else str(key)).items()}
    return {path: repr(value)}


def to_yaml(tree: Mapping[str, Any]) -> str:
    r"""Return a tree of plain data as YAML 1.2, keys in their order.

    Example:
        >>> to_yaml({"model": "bert", "training": {"seed": 1}})
        'model: bert\ntraining:\n  seed: 1\n'
    """
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub says None
    writer.width = 120
    stream = io.StringIO()
    writer.dump(_plain(tree), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """Return a tree whose paths and numbers of NumPy are texts and numbers."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "item") else value
