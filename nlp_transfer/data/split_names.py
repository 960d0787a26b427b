"""Which of a source's splits is which of ours."""

from collections.abc import Sequence

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


def named_splits(
    found: Sequence[str], chosen: dict[str, str], key: str, setting: str, notes: list[str]
) -> dict[str, str]:
    """Ours to theirs, ours in the order of `SPLITS`.

    Args:
        found: the source's splits.
        chosen: the configuration's choice (ours: theirs); empty to go by the names.
        key: what messages call the corpus.
        setting: the path of `chosen` in the configuration.
        notes: takes a note on splits that are left out.

    Raises:
        DataError: a chosen split is not there, two have one meaning, or no name is known.
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
    if left_out:
        notes.append(f"Splits of the source that are left out: {', '.join(left_out)}.")
    order = [*SPLITS, UNSPLIT]
    return {ours: result[ours] for ours in sorted(result, key=order.index)}
