"""A corpus: one domain's texts, in named splits with typed columns.

Every split is a memory-mapped `datasets.Dataset` with the columns

    id      string, unique in the corpus: what predictions are keyed by
    text    string, never empty
    label   ClassLabel             (single-label corpora)
    labels  List(ClassLabel)       (multi-label corpora; an empty list is "none of them")

    domain  ClassLabel             (several sources merged: which one the row is from)

and where they are documents to be summarised (data/validation/documents.py)

    summary          string        (what people wrote)
    sentence_starts  List(int32)   (where the text's sentences begin; empty where the source does not say)
    highlights       List(int32)   (what people marked: start and end of each passage in turn)

A corpus without label column is an unlabelled domain, not a special case. The split `unlabeled` may lack the label
column although the others have it.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nlp_transfer.errors import did_you_mean

if TYPE_CHECKING:
    from datasets import ClassLabel, Dataset

SPLITS = ("train", "validation", "test", "unlabeled")
"""The names a corpus may give its splits, in the order in which they are shown."""

DOMAIN_COLUMN = "domain"
"""The column that says which of several sources a row is from."""

SPLIT_METHODS = ("auto", "given", "stratified", "grouped", "near_duplicate")
"""What `SplitConfig.method` may be."""


@dataclass(frozen=True)
class SplitConfig:
    """How train, validation and test are made where the source does not give them.

    Args:
        method: `given` takes the source's splits and makes only a missing validation split, from train;
            `stratified` draws rows at random within each class; `grouped` keeps rows that share a value of `column`
            together; `near_duplicate` keeps texts together that are alike (MinHash), so that no near-copy stands on
            both sides; `auto` is `given` where the source has train and a validation or test split, or where nothing
            is trained on the corpus (no labels, or the labels of a model that is there); else `near_duplicate`. The
            three that make splits pool the source's train, validation and test rows; `unlabeled` stays apart.
        validation: share of all rows for validation; 0 makes none.
        test: share of all rows for test; 0 makes none.
        column: the column of `grouped`.
        similarity: Jaccard similarity of 5-word shingles from which two texts count as alike.
        seed: seed of the draw. It is apart from the training seed, so that seeds share one split.
    """

    method: Literal["auto", "given", "stratified", "grouped", "near_duplicate"] = "auto"
    validation: float = 0.15
    test: float = 0.25
    column: str | None = None
    similarity: float = 0.6
    seed: int = 13

    def problems(self, key: str) -> list[str]:
        """What is wrong with these settings, in words that name `key`, their path in the configuration."""
        found = []
        if self.method not in SPLIT_METHODS:
            found.append(f"{key}.method: {did_you_mean('method', self.method, SPLIT_METHODS)}")
        for name in ("validation", "test"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                found.append(f"{key}.{name} is {share}; a share of the rows is at least 0 and below 1, such as 0.15.")
        if not found and self.validation + self.test >= 1:
            found.append(
                f"{key}.validation + {key}.test is {self.validation + self.test:g}; nothing is left to train on. "
                "Make them smaller, such as 0.15 and 0.25."
            )
        if self.seed < 0:
            found.append(f"{key}.seed is {self.seed}; expected 0 or more.")
        if not 0 < self.similarity <= 1:
            found.append(f"{key}.similarity is {self.similarity}; it is above 0 and at most 1, such as 0.6.")
        if self.method == "grouped" and not self.column:
            found.append(f"{key}.method is 'grouped', but {key}.column does not say which column groups the rows.")
        if self.method != "grouped" and self.column:
            found.append(
                f"{key}.column is {self.column!r}, which only the method 'grouped' uses. "
                f"Set {key}.method to 'grouped', or leave {key}.column out."
            )
        return found


@dataclass(frozen=True)
class CorpusConfig:
    """Where one domain's texts come from. Exactly one of `path`, `hub` and `builtin` is given.

    Args:
        path: a file (JSON Lines, JSON, CSV, TSV, Parquet; plain or .gz), a folder of split-named files (`train`, `dev`
            or `validation`, `test`, `all` or `unlabeled`), or a folder of text files with one sub-folder a class.
        hub: id of a dataset on the Hub; needs a network or a filled cache.
        name: the Hub dataset's configuration.
        revision: the Hub dataset's commit, tag or branch.
        builtin: a corpus that ships with a package: `licenses`, or `aclsum` (papers with summaries).
        splits: which of the source's splits, or files of a folder, is `train`, `validation`, `test`, `unlabeled`
            (ours: theirs), e.g. `{test: all}`; splits that are not named are left out, and that is noted.
        columns: renames on the way in (theirs: ours), e.g. `{clause: text, kind: label}`. The columns that count are
            `text`, `label` (a string, an integer or a list) or `labels` (a list), and `id`; to summarise, `document` (a
            string, or the list of its sentences), `summary`, `highlights` (passages of the document) and `id`. Others
            are left behind.
        label_names: the classes in the order of their ids. An integer label i is then the i-th of them.
        split: how splits are made where the source does not give them.
    """

    path: str | None = None
    hub: str | None = None
    name: str | None = None
    revision: str | None = None
    builtin: str | None = None
    splits: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    label_names: list[str] | None = None
    split: SplitConfig = field(default_factory=SplitConfig)

    @property
    def place(self) -> str:
        """The path, Hub id or built-in name of the corpus, for messages."""
        return str(self.path or self.hub or self.builtin or "")

    def problems(self, key: str) -> list[str]:
        """What is wrong with these settings, in words that name `key`, their path in the configuration."""
        found = []
        given = [name for name in ("path", "hub", "builtin") if getattr(self, name) is not None]
        if len(given) != 1:
            found.append(
                f"{key} names {' and '.join(given) or 'no source'}; give exactly one of {key}.path (a file or a "
                f"folder), {key}.hub (a dataset on the Hub) and {key}.builtin."
            )
        for name in ("name", "revision"):
            if getattr(self, name) is not None and self.hub is None:
                found.append(f"{key}.{name} is set, but only a Hub dataset has one; set {key}.hub or leave it out.")
        for name in self.splits:
            if name not in SPLITS:
                found.append(f"{key}.splits: {did_you_mean('split', name, SPLITS)}")
        targets = list(self.columns.values())
        for target in sorted({name for name in targets if targets.count(name) > 1}):
            sources = [theirs for theirs, ours in self.columns.items() if ours == target]
            found.append(f"{key}.columns renames {' and '.join(sources)} to {target!r}; name one of them.")
        if self.label_names is not None and not self.label_names:
            found.append(f"{key}.label_names is empty; name the classes, or leave it out.")
        if self.label_names is not None and len(set(self.label_names)) != len(self.label_names):
            found.append(f"{key}.label_names repeats a name: {', '.join(self.label_names)}.")
        return found + self.split.problems(f"{key}.split")


@dataclass(frozen=True)
class Corpus:
    """One domain. See the module's text for the columns.

    Args:
        origin: where it came from, in words for a report (path, Hub id and revision, or package and version).
        splits: datasets by name, names from `SPLITS`.
        notes: what a reader must know: rows dropped and why, splits made and how, duplicates found.
        fingerprint: SHA-256 (hex) over the splits' names, ids, texts, labels and summaries.
    """

    origin: str
    splits: "dict[str, Dataset]"
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def label_column(self) -> str | None:
        """`label`, `labels`, or None for a corpus without labels."""
        columns = {name for split in self.splits.values() for name in split.column_names}
        return next((name for name in ("label", "labels") if name in columns), None)

    @property
    def multi_label(self) -> bool:
        """Whether a row may have any number of labels."""
        return self.label_column == "labels"

    @property
    def label_names(self) -> list[str]:
        """The classes in the order of their ids; empty for a corpus without labels."""
        column = self.label_column
        if column is None:
            return []
        feature = next(split.features[column] for split in self.splits.values() if column in split.column_names)
        label: ClassLabel = feature.feature if self.multi_label else feature
        return list(label.names)
