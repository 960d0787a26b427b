"""The errors that a user meets, and how they are worded.

Each message says what was found, where (file, line, row, key), what was expected and what to do.
"""

import difflib
from collections.abc import Iterable


class NLPTransferError(ValueError):
    """Something the user can mend; scripts print it without a traceback.

    Args:
        problems: one message, or all that were found together.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        count = len(self.problems)
        text = self.problems[0] if count == 1 else f"{count} problems:\n" + "\n".join(f"  - {p}" for p in self.problems)
        super().__init__(text)

    def __reduce__(self) -> tuple[type["NLPTransferError"], tuple[list[str]]]:
        return type(self), (self.problems,)


class ConfigError(NLPTransferError):
    """The configuration asks for something that does not exist or does not fit together."""


class DataError(NLPTransferError):
    """A corpus cannot be read, or does not hold what the task needs."""


class CheckpointError(NLPTransferError):
    """A run folder, checkpoint or saved model is missing, torn, or in the way."""


class TrainingError(NLPTransferError):
    """A run cannot go on without ruining what it has learned, as with a loss that is not finite."""


class LostProcessError(TrainingError):
    """Another process of the run ended, so that this one cannot go on."""


class PublishError(NLPTransferError):
    """A model cannot go to the Hub, or must not: nothing of it was published."""


class RunInterrupted(KeyboardInterrupt):
    """A signal stopped the run at a point from which it can go on. Like Ctrl-C, no `except Exception` takes it.

    Args:
        text: what was done with it.
        at_once: whether nothing was finished and saved, because that was asked for.
    """

    def __init__(self, text: str, *, at_once: bool = False) -> None:
        self.at_once = at_once
        super().__init__(text)


MAX_LISTED_NAMES = 40
"""Up to how many right names a message lists; more would hide it."""

MAX_VALUE_CHARACTERS = 200
"""Up to how many characters of a value a message shows."""


def format_value(value: object) -> str:
    """A value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}… ({len(text):,} characters)"


def nearest_name(got: str, choices: Iterable[str]) -> str | None:
    """The right name that a wrong one is most like, upper and lower case counting as the same; None if none is.

    >>> nearest_name("ia4", ["IA3", "LOHA"])
    'IA3'
    """
    by_lower = {name.lower(): name for name in reversed(list(choices))}
    near = difflib.get_close_matches(got.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def did_you_mean(what: str, got: str, choices: Iterable[str]) -> str:
    """Word an unknown name with the nearest right one.

    >>> did_you_mean("method", "lroa", ["lora", "lp_ft"])
    "Unknown method 'lroa'. Did you mean 'lora'? Methods: lora, lp_ft."
    """
    names = list(choices)
    near = nearest_name(str(got), names)
    guess = f" Did you mean {near!r}?" if near else ""
    plural = what[:-1] + "ies" if what.endswith("y") and what != "key" else what + ("es" if what.endswith("s") else "s")
    listed = f" {plural.capitalize()}: {', '.join(names) or 'none'}." if len(names) <= MAX_LISTED_NAMES else ""
    return f"Unknown {what} {format_value(got)}.{guess}{listed}"
