"""Refuse a key, value or option that was renamed, with its new name."""

from collections.abc import Iterable

from nlp_transfer.errors import did_you_mean

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
    """Return the new name of an old one; None where it was not renamed, or its new name is not known here.

    Args:
        got: the name that was written, of an option with `--`.
        choices: the names that are known there.

    Example:
        >>> new_name("nonfinite", ["on_nonfinite", "seed"])
        'on_nonfinite'
        >>> new_name("--new_run", ["--archive_existing"])
        '--archive_existing'
    """
    dashes = "--" if got.startswith("--") else ""
    new = dashes + RENAMED.get(got.removeprefix("--"), "")
    return new if new in set(choices) else None


def unknown_name(what: str, got: str, choices: Iterable[str]) -> str:
    """Word a name that is not known: its new name where it was renamed, else the nearest one.

    Args:
        what: the kind of name, such as `key`.
        got: the name that was written.
        choices: the names that are known there.

    Example:
        >>> unknown_name("key", "nonfinite", ["on_nonfinite", "seed"])
        "The key 'nonfinite' was renamed: write 'on_nonfinite'."
        >>> unknown_name("method", "lroa", ["lora", "lp_ft"])
        "Unknown method 'lroa'. Did you mean 'lora'? Methods: lora, lp_ft."
    """
    names = list(choices)
    new = new_name(got, names)
    return f"The {what} {got!r} was renamed: write {new!r}." if new else did_you_mean(what, got, names)
