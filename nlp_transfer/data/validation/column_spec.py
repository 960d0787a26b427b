"""Name the columns that are read of a corpus, and the columns that they become."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nlp_transfer.data.column_names import ColumnNames, label_suggestion, unread_text_note
from nlp_transfer.data.corpus import SEVERAL
from nlp_transfer.data.source import RowBatch
from nlp_transfer.data.validation.row_kinds import ROW_KINDS, TEXTS, RowKind

READ_COLUMNS = frozenset({"id", *(name for kind in ROW_KINDS.values() for name in kind.columns)})
"""The columns that are read of rows of any kind, by the user's names."""


@dataclass(frozen=True)
class ColumnSpec:
    """Columns to read, and the columns that they become.

    Args:
        group: column to group by, after renaming; None for no groups.
        labels_needed: each row must have a label if there is a label column.
        kind: name of the kind of rows, from `ROW_KINDS`.
        label_separator: separator of the labels of a cell; None for one label a cell, or lists.
        drop_empty: rows without a text are left out.
        empty_advice: what to do about rows without a text.
    """

    key: str
    renames: dict[str, str]
    group: str | None = None
    labels: bool = True
    labels_needed: bool = True
    kind: str = TEXTS
    label_separator: str | None = None
    drop_empty: bool = False
    empty_advice: str = "mend or remove these rows"

    @property
    def rows(self) -> RowKind:
        """Return the kind of rows."""
        return ROW_KINDS[self.kind]

    def theirs(self) -> dict[str, str]:
        """Return our column names by theirs; a rename shadows a column that has the name already.

        Example:
            >>> ColumnSpec("source", {"clause": "text"}, labels=False).theirs()
            {'id': 'id', 'clause': 'text'}
        """
        unread = () if self.labels else self.rows.label_columns
        ours = {"id": "id", **{name: own for name, own in self.rows.columns.items() if own not in unread}}
        if self.group:
            ours.setdefault(self.group, self.group)
        names = {theirs: name for theirs, (name, _) in self._renamed().items()}
        renamed = {theirs: ours[name] for theirs, name in names.items() if name in ours}
        kept = {name: become for name, become in ours.items() if name not in {*names, *names.values()}}
        return {**kept, **renamed}

    def _renamed(self) -> dict[str, tuple[str, str]]:
        """Return by their column the user's name of ours, and the own name that `value.NAME` gives a gathered one."""
        if not self.rows.gathered:
            return {theirs: (name, "") for theirs, name in self.renames.items()}
        parts = {theirs: name.partition(".") for theirs, name in self.renames.items()}
        return {theirs: (name, own) for theirs, (name, _, own) in parts.items()}

    def gathered(self) -> dict[str, str]:
        """Return the columns that become one (theirs: their names in it).

        Example:
            >>> ColumnSpec("source", {"cost": "value", "Tage": "value.days"}, kind="numbers").gathered()
            {'cost': 'cost', 'Tage': 'days'}
        """
        own = {theirs: name for theirs, (_, name) in self._renamed().items() if name}
        return {name: own.get(name, name) for name, become in self.theirs().items() if become == self.rows.gathered}

    def names(self) -> ColumnNames:
        """Return the names of all columns that are read or must be there."""
        return ColumnNames([*self.theirs(), *self.renames])

    def notes(self, first: RowBatch) -> list[str]:
        """Return notes on what was detected in the source, and on columns that are read otherwise or not at all.

        Args:
            first: the first rows, with all columns.
        """
        names = self.names()
        shadowed = [
            f"Column {ours!r} of the source is left out: {theirs!r} takes its place."
            for theirs, ours in self.renames.items()
            if ours in first.available and ours not in self.renames and ours != theirs
        ]
        read = {*names.found(first.available), *self.renames.values(), "id", *self.rows.columns}
        return [*first.notes, *names.notes(first.available), *shadowed, *unread_text_note(first, read)]

    def label_advice(self, first: RowBatch) -> str:
        """Return advice that names the columns of labels; see `notes`."""
        return label_suggestion(first, {*self.names().found(first.available), "id", *self.rows.columns}, self.key)

    def marked(self) -> dict[str, list[str]]:
        """Return the columns of one class each, by the label column that they become.

        Example:
            >>> ColumnSpec("source", {"tax": "labels", "tort": "labels"}).marked()
            {'labels': ['tax', 'tort']}
        """
        theirs = self.theirs()
        targets = {ours: [name for name, become in theirs.items() if become == ours] for ours in ("label", "labels")}
        return {ours: names for ours, names in targets.items() if len(names) > 1}


def remembered_columns(run: Mapping[str, str], own: Mapping[str, str], available: Iterable[str]) -> dict[str, str]:
    """Return the columns of a corpus (theirs: ours), and those of a model's run that it has and names no others for.

    Args:
        run: the columns that the run was configured with.
        own: the columns that the corpus is configured with.
        available: all columns of the corpus.

    Example:
        >>> remembered_columns({"body": "text", "kind": "label"}, {"class": "label"}, ["body", "class", "kind"])
        {'class': 'label', 'body': 'text'}
    """
    labels, named = {"label", "labels"}, {name.partition(".")[0] for name in own.values()}
    wanted = READ_COLUMNS - named - (labels if labels & named else set())
    columns = dict(own)
    for theirs in ColumnNames(run).found(available).values():
        ours = run[theirs].partition(".")[0]
        is_new = ours in SEVERAL or ours not in columns.values()
        if ours in wanted and theirs not in own and is_new:
            columns[theirs] = run[theirs]
    return columns
