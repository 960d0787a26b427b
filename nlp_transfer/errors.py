"""Error classes of the package, and helpers that word their messages."""

import dataclasses
import difflib
import inspect
import numbers
import os
import types
import typing
from collections.abc import Iterable
from typing import Any, Self


class NLPTransferError(ValueError):
    """Error that the user can fix; commands print it without a traceback.

    Example:
        >>> print(ConfigError(["source.path is empty.", "target.path is empty."]))
        2 problems:
          - source.path is empty.
          - target.path is empty.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        count = len(self.problems)
        text = self.problems[0] if count == 1 else f"{count} problems:\n" + "\n".join(f"  - {p}" for p in self.problems)
        super().__init__(text)

    def __reduce__(self) -> tuple[type["NLPTransferError"], tuple[list[str]]]:
        return type(self), (self.problems,)


class ConfigError(NLPTransferError):
    """Settings that do not exist or do not fit together."""


class DataError(NLPTransferError):
    """Corpus that cannot be read, or lacks what the task needs."""


class CheckpointError(NLPTransferError):
    """Run folder, checkpoint or saved model that is missing, damaged or in the way."""


class TrainingError(NLPTransferError):
    """Training that cannot continue without ruining the model, such as a non-finite loss."""


class LostProcessError(TrainingError):
    """Training that cannot continue because another process of the run ended."""


class PublishError(NLPTransferError):
    """Model that cannot or must not be uploaded to the Hub; nothing of it was published."""


class RunInterrupted(KeyboardInterrupt):
    """Signal that stopped a run where it can resume; `at_once` if the user asked to stop without saving."""

    def __init__(self, text: str, *, at_once: bool = False) -> None:
        self.at_once = at_once
        super().__init__(text)


MAX_LISTED_NAMES = 40
"""Maximum number of valid names that a message lists."""

MAX_VALUE_CHARACTERS = 200
"""Maximum number of characters of a value that a message quotes."""


def format_value(value: object) -> str:
    """Return the `repr` of a value, truncated when it is long.

    Example:
        >>> format_value("abc")
        "'abc'"
    """
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}… ({len(text):,} characters)"


SYNONYMS = {
    "batch_size": "per_device_train_batch_size",
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "lr": "learning_rate",
    "max_len": "max_length",
    "max_seq_length": "max_length",
    "model_name": "model",
    "model_name_or_path": "model",
    "metric": "metric_for_best_model",
    "data": "path",
    "train_file": "path",
    "group_by_length": "train_sampling_strategy",
    "no_cuda": "use_cpu",
    "tokenizer": "processing_class",
}
"""Names that other programs use, and ours."""


def nearest_name(got: str, choices: Iterable[str]) -> str | None:
    """Return the choice of the same meaning, or most similar to a name, ignoring case; None if none is similar.

    Example:
        >>> nearest_name("ia4", ["IA3", "LOHA"]), nearest_name("epochs", ["num_train_epochs", "eval_steps"])
        ('IA3', 'num_train_epochs')
    """
    by_lower = {name.lower(): name for name in reversed(list(choices))}
    if (synonym := SYNONYMS.get(got)) in by_lower:
        return by_lower[str(synonym)]
    near = difflib.get_close_matches(got.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


RENAMED = {
    "choose": "search",
    "cut": "truncate",
    "into_existing": "allow_existing",
    "labels": "supervision",
    "least_count": "min_frequency",
    "new_run": "archive_existing",
    "new_words": "num_new_tokens",
    "nonfinite": "on_nonfinite",
    "peft_config": "peft",
    "repeat_positions": "extend_positions",
    "select": "length",
    "select_by": "length_unit",
    "source_only": "source_only_baseline",
    "target_progress": "log_target_scores",
    "tokens_per_pass": "max_tokens_per_forward",
    "without_corpus_check": "skip_overlap_check",
}
"""Old names and the new ones, which are looked up among the names that are known where the old one stands."""


def new_name(got: str, choices: Iterable[str]) -> str | None:
    """Return the new name of an old key, or of an option with `--`; None unless it is among the choices.

    Example:
        >>> new_name("nonfinite", ["on_nonfinite", "seed"]), new_name("--new_run", ["--archive_existing"])
        ('on_nonfinite', '--archive_existing')
    """
    dashes = "--" if got.startswith("--") else ""
    new = dashes + RENAMED.get(got.removeprefix("--"), "")
    return new if new in set(choices) else None


def did_you_mean(what: str, got: str, choices: Iterable[str]) -> str:
    """Return a message for an unknown name: its new name if it was renamed, else the nearest known one.

    Example:
        >>> did_you_mean("method", "lroa", ["lora", "lp_ft"])
        "Unknown method 'lroa'. Did you mean 'lora'? Methods: lora, lp_ft."
        >>> did_you_mean("key", "nonfinite", ["on_nonfinite", "seed"])
        "The key 'nonfinite' was renamed: write 'on_nonfinite'."
    """
    names = list(choices)
    if new := new_name(str(got), names):
        return f"The {what} {got!r} was renamed: write {new!r}."
    near = nearest_name(str(got), names)
    guess = f" Did you mean {near!r}?" if near else ""
    plural = what[:-1] + "ies" if what.endswith("y") and what != "key" else what + ("es" if what.endswith("s") else "s")
    listed = f" {plural.capitalize()}: {', '.join(names) or 'none'}." if len(names) <= MAX_LISTED_NAMES else ""
    note = f" ({got!r} was renamed {RENAMED[got]!r}, which is not known here either.)" if got in RENAMED else ""
    return f"Unknown {what} {format_value(got)}.{guess}{listed}{note}"


class NamedArguments:
    """Base of classes that name their unknown arguments in a ConfigError, with the nearest right names."""

    def __new__(cls, *_: Any, **kwargs: Any) -> Self:
        """Check the names before `__init__` takes the arguments."""
        if problems := _unknown_arguments(cls, kwargs):
            raise ConfigError(problems)
        return super().__new__(cls)


def _unknown_arguments(cls: type, given: Iterable[str]) -> list[str]:
    """Return a message for each name that is no argument of a class; none where it takes any name."""
    known = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return []
    path = getattr(cls, "section", None) or getattr(cls, "name", None) or cls.__name__
    names = [name for name in known if name != "self"]
    return [f"{path}: {did_you_mean('argument', name, names)}" for name in given if name not in names]


class CheckedArguments:
    """Base of dataclasses that name their unknown arguments, and values of another type, in a ConfigError."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments before the dataclass takes them."""
        hints = typing.get_type_hints(cls)
        defaults = {f.name: f.default for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
        path = getattr(cls, "section", None) or getattr(cls, "name", None) or cls.__name__
        problems = _unknown_arguments(cls, kwargs)
        problems += [
            f"{path}.{name} is {format_value(value)}; expected {_type_name(hints[name])}."
            for name, value in {**dict(zip(defaults, args, strict=False)), **kwargs}.items()
            if name in defaults and value is not defaults[name] and not _fits(value, hints[name])
        ]
        if problems:
            raise ConfigError(problems)
        return super().__new__(cls)


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of a type; what is in a list or mapping is not looked at."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(hint))
    if origin is typing.Literal:
        return isinstance(value, str)  # the class names the nearest right one
    if hint in (int, float):
        return isinstance(value, numbers.Integral if hint is int else numbers.Real) and not isinstance(value, bool)
    if origin is list:
        return isinstance(value, list | tuple)
    kind = origin or hint
    return kind is Any or not isinstance(kind, type) or isinstance(value, (str, os.PathLike) if kind is str else kind)
