"""A run's configuration as it may be written down and compared: plain, without secrets, by dotted paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from nlp_transfer.reporting.files import plain

WITHOUT_EFFECT = (
    "config",
    "dry_run",
    "print_config",
    "resume",
    "training.cpu_threads",
    "training.dataloader_num_workers",
    "training.dataloader_persistent_workers",
    "training.dataloader_pin_memory",
    "training.dataloader_prefetch_factor",
    "training.ddp_timeout",
    "training.disable_tqdm",
    "training.hub_",
    "training.local_rank",
    "training.log_",
    "training.logging_",
    "training.output_dir",
    "training.project",
    "training.push_to_hub",
    "training.report_to",
    "training.resume",
    "training.run_name",
    "training.save_total_limit",
    "training.skip_memory_metrics",
    "training.trackio_",
)
"""Keys that change no result: a run may be resumed with others. One that ends in `_` stands for all that begin so."""

_SECRETS = ("hub_token", "push_to_hub_token", "api_key", "password")
_HIDDEN = "***"


def config_record(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config in JSON's types, without the keys that hold secrets. The input is left as it is."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key not in _SECRETS}
        return [clean(item) for item in value] if isinstance(value, list) else value

    record: dict[str, Any] = clean(plain(config))
    return record


def command_record(arguments: Sequence[str]) -> list[str]:
    """A command line with the values of secret options hidden: `--training.hub_token ***`."""
    record: list[str] = []
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        after_secret = bool(record) and _is_secret_option(record[-1])
        if after_secret or (equals and _is_secret_option(option)):
            record.append(_HIDDEN if after_secret else f"{option}={_HIDDEN}")
        else:
            record.append(argument)
    return record


def config_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two configs and may change a result, as `training.seed: 0 -> 1`, in the new one's order."""
    before, after = _leaves(config_record(old)), _leaves(config_record(new))
    return [
        f"{path}: {before.get(path, 'not set')} -> {after.get(path, 'not set')}"
        for path in {**after, **before}
        if before.get(path) != after.get(path) and not _without_effect(path)
    ]


def _is_secret_option(argument: str) -> bool:
    return argument.startswith("--") and argument.rpartition(".")[2].removeprefix("--") in _SECRETS


def _without_effect(path: str) -> bool:
    return any(
        path.startswith(key) if key.endswith("_") else (path + ".").startswith(key + ".") for key in WITHOUT_EFFECT
    )


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Values by dotted path, as JSON-like text; an empty dict or list is a value."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, item in items for k, v in _leaves(item, f"{path}.{key}" if path else str(key)).items()}
    return {path: repr(value)}
