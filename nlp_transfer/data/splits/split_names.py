"""Match a source's split names to train, validation, test and unlabeled."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from nlp_transfer.data.corpus import SPLITS
from nlp_transfer.errors import DataError, did_you_mean

UNSPLIT = "all"
"""Name of rows without a split."""

SPLIT_NAMES: dict[str, str] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "calibration": "calibration",
    "test": "test",
    "unlabeled": "unlabeled",
    "unlabelled": "unlabeled",
    "unsupervised": "unlabeled",
    UNSPLIT: UNSPLIT,
}
"""Known names of splits in sources, and the split that each means."""

_MIN_SPELLING_RATIO = 0.75
"""Minimum difflib ratio of a misspelt name: `tets` and `test` reach it, `test_public` does not."""


def match_split_names(
    source_splits: Sequence[str],
    chosen: dict[str, str],
    key: str,
    setting: str,
    notes: list[str],
    called: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the source's split for each of ours, in the order of `SPLITS`.

    Args:
        called: name of a split in messages, such as its file; None takes the split's own.

    Example:
        >>> match_split_names(["dev", "train"], {}, "source", "source.splits", [])
        {'train': 'train', 'validation': 'dev'}
    """
    if chosen:
        missing = [theirs for theirs in chosen.values() if theirs not in source_splits]
        if missing:
            raise DataError([f"{setting}: {did_you_mean('split', theirs, source_splits)}" for theirs in missing])
        result = dict(chosen)
    else:
        result = _matched(source_splits, key, setting)
    left_out = [theirs for theirs in source_splits if theirs not in result.values()]
    if not chosen:
        check_spelling(left_out, result, key, setting, called)
    if left_out:
        notes.append(f"Splits that are left out: {', '.join(left_out)}.")
    order = [*SPLITS, UNSPLIT]
    return {ours: result[ours] for ours in sorted(result, key=order.index)}


def _matched(source_splits: Sequence[str], key: str, setting: str) -> dict[str, str]:
    """Return the splits whose names are known (ours: theirs); raise `DataError` for none, or two of one meaning."""
    result: dict[str, str] = {}
    for theirs in source_splits:
        ours = SPLIT_NAMES.get(theirs.lower())
        if ours in result:
            both = f"both {result[ours]!r} and {theirs!r} are the split {ours!r}"
            raise DataError(f"{key}: {both}. Say which: `{setting}: {{{ours}: {theirs}}}`.")
        if ours is not None:
            result[ours] = theirs
    if not result:
        raise DataError(
            f"{key}: none of the splits {', '.join(source_splits) or '(none)'} has a known name "
            f"({', '.join(SPLIT_NAMES)}). Set `{setting}: {{train: {next(iter(source_splits), '…')}}}`."
        )
    return result


def check_spelling(
    left_out: Iterable[str],
    present: Mapping[str, str],
    key: str,
    setting: str,
    called: Mapping[str, str] | None = None,
) -> None:
    """Raise `DataError` for names that resemble the name of a missing split: their rows would be lost."""
    near = {theirs: right for theirs in left_out if (right := _misspelt_name(theirs.lower(), present)) is not None}
    if not near:
        return
    meant = {"unlabeled" if ours == UNSPLIT else ours: theirs for ours, theirs in present.items()}
    meant |= {SPLIT_NAMES[right]: theirs for theirs, right in near.items()}
    choice = ", ".join(f"{ours}: {meant[ours]}" for ours in SPLITS if ours in meant)
    raise DataError(
        f"{key}: {(called or {}).get(theirs, theirs)} would be left out: {theirs!r} is no split's name, and there is "
        f"no {SPLIT_NAMES[right]} split. Did you mean {right!r}? Rename it, or set `{setting}: {{{choice}}}`."
        for theirs, right in near.items()
    )


def _misspelt_name(name: str, present: Iterable[str]) -> str | None:
    """Return the known name that `name` misspells, if its split is missing.

    Both start alike: `labeled` is not `unlabeled` misspelt, nor `contest` `test`. `all` is too short for a guess. Of
    names of three letters, `dve`, the ratio knows too little: the same letters in another order are the name misspelt.
    """
    absent = [known for known, ours in SPLIT_NAMES.items() if ours not in (*present, UNSPLIT) and known[0] == name[:1]]
    turned = [known for known in absent if sorted(known) == sorted(name)]
    return next(iter(turned or difflib.get_close_matches(name, absent, n=1, cutoff=_MIN_SPELLING_RATIO)), None)
