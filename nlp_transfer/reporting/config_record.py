"""A run's configuration as it may be written down and compared: plain, without secrets, by dotted paths."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from nlp_transfer.files import to_json_value
from nlp_transfer.training.neutral_settings import is_result_neutral

_SECRETS = ("hub_token", "push_to_hub_token", "api_key", "password")
_HIDDEN = "***"
_SHORTEST_TOKEN = 8
"""Anything shorter is no token, and may stand in a command for something else."""


def config_record(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config in JSON's types, without the keys that hold secrets. The input is left as it is."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key not in _SECRETS}
        return [clean(item) for item in value] if isinstance(value, list) else value

    record: dict[str, Any] = clean(to_json_value(config))
    return record


def command_record(arguments: Sequence[str]) -> list[str]:
    """A command line with the values of secret options hidden: `--training.hub_token ***`.

    A whole section that holds one is hidden too (`--training '{hub_token: …}'`), and so is the value of an environment
    variable that ends in `TOKEN`, wherever it stands.
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
    """What differs between two configs, as `training.seed: 0 -> 1`, in the new one's order.

    Args:
        old: the configuration from before.
        new: the one that is asked for now.
        without_effect: list the keys that change no result, and not those that may.
    """
    before, after = leaves(config_record(old)), leaves(config_record(new))
    return [
        f"{path}: {before.get(path, 'not set')} -> {after.get(path, 'not set')}"
        for path in {**after, **before}
        if before.get(path) != after.get(path) and is_result_neutral(path) == without_effect
    ]


def _is_secret_option(argument: str) -> bool:
    return argument.startswith("--") and argument.rpartition(".")[2].removeprefix("--") in _SECRETS


def _holds_secret(text: str) -> bool:
    """Return whether a value is a section of YAML that names a secret."""
    return text.lstrip().startswith(("{", "[")) and any(key in text for key in _SECRETS)


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Values by dotted path, as JSON-like text; an empty dict or list is a value."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, item in items for k, v in leaves(item, f"{path}.{key}" if path else str(key)).items()}
    return {path: repr(value)}
