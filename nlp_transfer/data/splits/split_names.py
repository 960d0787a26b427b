"""Which of a source's splits is which of ours."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from nlp_transfer.data.corpus import SPLITS
from nlp_transfer.errors import DataError, did_you_mean

UNSPLIT = "all"
"""Rows that belong to no split yet."""

SPLIT_NAMES: dict[str, str] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "unlabeled": "unlabeled",
    "unlabelled": "unlabeled",
    "unsupervised": "unlabeled",
    UNSPLIT: UNSPLIT,
}
"""Names that sources give their splits, and what they mean here."""

MIN_SPELLING_RATIO = 0.75
"""From which difflib ratio a name is a split's name misspelt: `tets` and `test` have it, `test_public` has not."""


def match_split_names(
    found: Sequence[str],
    chosen: dict[str, str],
    key: str,
    setting: str,
    notes: list[str],
    called: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Ours to theirs, ours in the order of `SPLITS`.

    Args:
        found: the source's splits.
        chosen: the configuration's choice (ours: theirs); empty to go by the names.
        key: what messages call the corpus.
        setting: the path of `chosen` in the configuration.
        notes: takes a note on splits that are left out.
        called: what messages call a split, such as its file; None takes its name.

    Raises:
        DataError: a chosen split is not there, two have one meaning, no name is known, or a name is misspelt.
    """
    if chosen:
        missing = [theirs for theirs in chosen.values() if theirs not in found]
        if missing:
            raise DataError([f"{setting}: {did_you_mean('split', theirs, found)}" for theirs in missing])
        result = dict(chosen)
    else:
        result = {}
        for theirs in found:
            ours = SPLIT_NAMES.get(theirs.lower())
            if ours in result:
                raise DataError(
                    f"{key}: both {result[ours]!r} and {theirs!r} are the split {ours!r}. Take one away, or say which: "
                    f"`{setting}: {{{ours}: {theirs}}}`."
                )
            if ours is not None:
                result[ours] = theirs
        if not result:
            raise DataError(
                f"{key}: none of the splits {', '.join(found) or '(none)'} has a known name "
                f"({', '.join(SPLIT_NAMES)}). "
                f"Say which is which: `{setting}: {{train: {next(iter(found), '…')}}}`."
            )
    left_out = [theirs for theirs in found if theirs not in result.values()]
    if not chosen:
        check_spelling(left_out, result, key, setting, called)
    if left_out:
        notes.append(f"Splits of the source that are left out: {', '.join(left_out)}.")
    order = [*SPLITS, UNSPLIT]
    return {ours: result[ours] for ours in sorted(result, key=order.index)}


def check_spelling(
    left_out: Iterable[str],
    present: Mapping[str, str],
    key: str,
    setting: str,
    called: Mapping[str, str] | None = None,
) -> None:
    """Complain about names that are close to the name of a split that is not there: its rows would be lost.

    Args:
        left_out: names that are no split's.
        present: the splits that are there (ours: theirs).
        key: what messages call the corpus.
        setting: the path of the configuration's choice of splits.
        called: what messages call a split, such as its file; None takes its name.

    Raises:
        DataError: names each with the right one.
    """
    near = {theirs: right for theirs in left_out if (right := _misspelt_name(theirs.lower(), present)) is not None}
    if not near:
        return
    meant = {"unlabeled" if ours == UNSPLIT else ours: theirs for ours, theirs in present.items()}
    meant |= {SPLIT_NAMES[right]: theirs for theirs, right in near.items()}
    choice = ", ".join(f"{ours}: {meant[ours]}" for ours in SPLITS if ours in meant)
    raise DataError(
        f"{key}: {(called or {}).get(theirs, theirs)} would be left out: {theirs!r} is no split's name, and there is "
        f"no {SPLIT_NAMES[right]} split. Did you mean {right!r}? Rename it, take it away, or say which splits are "
        f"meant: `{setting}: {{{choice}}}`."
        for theirs, right in near.items()
    )


def _misspelt_name(name: str, present: Iterable[str]) -> str | None:
    """The known name that `name` misspells, if its split is not among those present.

    Both start alike: `labeled` is not `unlabeled` misspelt, nor `contest` `test`. `all` is too short for a guess. Of
    names of three letters, `dve`, the ratio knows too little: the same letters in another order are the name misspelt.
    """
    absent = [known for known, ours in SPLIT_NAMES.items() if ours not in (*present, UNSPLIT) and known[0] == name[:1]]
    turned = [known for known in absent if sorted(known) == sorted(name)]
    return next(iter(turned or difflib.get_close_matches(name, absent, n=1, cutoff=MIN_SPELLING_RATIO)), None)
