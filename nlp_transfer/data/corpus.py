"""A corpus: the texts of one domain, in named splits with typed columns, as memory-mapped `datasets.Dataset`s.

Each has `id` and `text`; `label` (a ClassLabel) or `labels` (a list of them, empty for no class) unless it is
unlabelled; and `domain` if sources were merged. Documents have `summary`, `sentence_starts` (first character of each
sentence; empty where the source does not give them) and `highlights` (start and end of each passage in turn). Texts
with entities have `span_starts` and `span_ends` (characters of each entity, in order); `labels` are their classes.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nlp_transfer.errors import CheckedArguments, DataError, did_you_mean
from nlp_transfer.files import encoding_problem

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = ("train", "validation", "calibration", "test", "unlabeled")
"""Names of splits, in display order."""


def calibration_split(splits: Iterable[str]) -> str:
    """Return the split on which a classifier's decision is fitted."""
    return "calibration" if "calibration" in splits else "validation"


DOMAIN_COLUMN = "domain"
"""Column that names the corpus of a row when sources are merged."""

SECOND, VALUES, IMAGE, DIGEST = "second", "values", "image", "digest"
"""Columns of the second text of a pair; of numbers by name; of an image (`text` is its name) and its file's SHA-256."""
SEVERAL = frozenset({"label", "labels", "value"})  # what several columns of a user may become

_HASHED_ROWS = 1000
"""Rows hashed together. Part of the fingerprint's definition."""

SPLIT_METHODS = ("auto", "given", "stratified", "grouped", "near_duplicate")
"""Values of `SplitConfig.method`."""


@dataclass(frozen=True)
class SplitConfig(CheckedArguments):
    """Settings for making train, validation and test splits that the source lacks.

    Args:
        method: `given` takes the source's splits and makes only a missing validation split, from train;
            `stratified` draws rows at random within each class; `grouped` keeps rows that share a value of `column`
            together; `near_duplicate` keeps texts together that are alike (MinHash), so that no near-copy stands on
            both sides; `auto` is `given` where the source has train and a validation or test split, or where nothing
            is trained on the corpus (no labels, or the labels of a model that is there); else `near_duplicate`. The
            three that make splits pool the source's train, validation and test rows; `unlabeled` stays apart.
        validation: share of all rows for validation; 0 makes none.
        test: share of all rows for test; 0 makes none.
        calibration: share of all rows, out of the training rows, by `method`, on which a classifier's decision is
            fitted; 0 makes none, and it is fitted on validation, which selects the checkpoint, too.
        column: the column of `grouped`.
        similarity: Jaccard similarity of 5-word shingles from which two texts count as alike.
        seed: seed of the draw. It is apart from the training seed, so that seeds share one split.

    Example:
        >>> SplitConfig(method="grouped", column="author", test=0.2).column
        'author'
    """

    method: Literal["auto", "given", "stratified", "grouped", "near_duplicate"] = "auto"
    validation: float = 0.15
    test: float = 0.25
    calibration: float = 0.0
    column: str | None = None
    similarity: float = 0.6
    seed: int = 13

    def problems(self, key: str) -> list[str]:
        """Return the problems of these settings; messages name `key`, their path in the configuration.

        Example:
            >>> SplitConfig(validation=1.5).problems("source.split")
            ['source.split.validation is 1.5; a share of the rows is at least 0 and below 1.']
        """
        problems = []
        if self.method not in SPLIT_METHODS:
            problems.append(f"{key}.method: {did_you_mean('method', self.method, SPLIT_METHODS)}")
        for name in ("validation", "test", "calibration"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                problems.append(f"{key}.{name} is {share}; a share of the rows is at least 0 and below 1.")
        total = self.validation + self.test + self.calibration
        if not problems and total >= 1:
            problems.append(f"{key}.validation + {key}.test + {key}.calibration is {total:g}; expected less than 1.")
        if self.seed < 0:
            problems.append(f"{key}.seed is {self.seed}; expected 0 or more.")
        if not 0 < self.similarity <= 1:
            problems.append(f"{key}.similarity is {self.similarity}; it is above 0 and at most 1, such as 0.6.")
        if self.method == "grouped" and not self.column:
            problems.append(f"{key}.method is 'grouped', but {key}.column does not say which column groups the rows.")
        if self.method != "grouped" and self.column:
            problems.append(f"{key}.column is {self.column!r}, which only {key}.method 'grouped' uses.")
        return problems


@dataclass(frozen=True)
class CorpusConfig(CheckedArguments):
    """Source of one domain's texts: exactly one of `path`, `hub` and `builtin`.

    Args:
        path: a file (JSON Lines, JSON, CSV, TSV, Parquet, .xlsx, .conll; plain or .gz), a folder of split-named files
            (`train`, `dev` or `validation`, `test`, `all` or `unlabeled`), or texts or images in a folder a class.
        hub: id of a dataset on the Hub; needs a network or a filled cache.
        name: configuration of the Hub dataset.
        revision: commit, tag or branch of the Hub dataset.
        builtin: a corpus that ships with a package: `licenses`, `license_pages` (images), `aclsum` (summaries).
        splits: the source's split or file for each of `train`, `validation`, `test` and `unlabeled` (ours: theirs),
            e.g. `{test: all}`. Other splits are not read, which is noted.
        columns: renames of columns (theirs: ours), e.g. `{clause: text, kind: label}`. Columns that are read are
            `text` (a string, or a list of paragraphs), `label` (a string, an integer or a list) or `labels` (a list),
            and `id`; for entities `spans`; for pairs `first` and `second`; for regression `value`; for images `image`
            (a path, relative to the file that names it); for summarization `document` (a string, or a list of its
            sentences), `summary` and `highlights` (passages of the document). Names match in any case. Of several that
            become `labels` (or `label`) each marks a class, with 1, true, yes or x: `{tax: labels, tort: labels}`; of
            several numbers each keeps its name, or gets another: `{cost: value, Tage: value.days}`.
        label_names: class names in the order of their ids; an integer label i is the i-th of them.
        split: settings for splits that the source lacks.
        encoding: of text files neither in UTF-8 nor marked as UTF-16, e.g. `cp1250`; null is Windows-1252 if clear.
        data: rows in memory, in place of a path: a pandas DataFrame, a `datasets.Dataset`, or a dict of split name to
            one of these. A YAML file cannot hold them.
        sheet: sheet of an Excel workbook; null is the first one.
        label_separator: separator of the labels of a cell, e.g. `;` for cells such as `tax; tort`.
        drop_empty: leave out rows without a text, and count them in the report; else they are errors.
        shots: number of training rows of each class to draw, without a validation split; null takes all. 0 learns from
            `descriptions` alone (zero-shot).
        draw: seed of that draw; null is 0, in a sweep the seed of the cell.
        descriptions: a text about each class, `{class: text}`, which becomes a training row of it; by itself, without a
            path, they are all that is learned from (zero-shot).

    Example:
        >>> CorpusConfig("clauses.csv", columns={"clause": "text", "kind": "label"}).path
        'clauses.csv'
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
    encoding: str | None = None
    data: Any = field(default=None, compare=False, repr=False, metadata={"python_only": True})
    sheet: str | None = None
    label_separator: str | None = None
    drop_empty: bool = False
    shots: int | None = None
    draw: int | None = None
    descriptions: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return the path, Hub id or built-in name of the corpus, or the type of its rows in memory.

        Example:
            >>> CorpusConfig(path="data/clauses.csv").place
            'data/clauses.csv'
        """
        return str(self.path or self.hub or self.builtin or ("" if self.data is None else type(self.data).__name__))

    def problems(self, key: str) -> list[str]:
        """Return the problems of these settings; messages name `key`, their path in the configuration."""
        problems = []
        given = [name for name in ("path", "hub", "builtin", "data") if getattr(self, name) is not None]
        if isinstance(self.data, str):
            problems.append(
                f"{key}.data stands for rows that were in the memory of Python ({self.data}), which no file holds. In "
                f"Python give them again (source=rows); else write them to a file and name it: {key}.path."
            )
        if len(given) != 1 and (given or not self.descriptions):
            named = " and ".join(given) or "no source"
            problems.append(f"{key} names {named}; give exactly one of {key}.path, {key}.hub and {key}.builtin.")
        for name in ("name", "revision"):
            if getattr(self, name) is not None and self.hub is None:
                problems.append(f"{key}.{name} is set, but only a Hub dataset has one; set {key}.hub or leave it out.")
        for name in self.splits:
            if name not in SPLITS:
                problems.append(f"{key}.splits: {did_you_mean('split', name, SPLITS)}")
        targets = list(self.columns.values())
        for target in sorted({name for name in targets if targets.count(name) > 1} - SEVERAL):
            sources = [theirs for theirs, ours in self.columns.items() if ours == target]
            problems.append(f"{key}.columns renames {' and '.join(sources)} to {target!r}; name one of them.")
        if self.label_names is not None and not self.label_names:
            problems.append(f"{key}.label_names is empty; name the classes, or leave it out.")
        if self.label_names is not None and len(set(self.label_names)) != len(self.label_names):
            problems.append(f"{key}.label_names repeats a name: {', '.join(self.label_names)}.")
        return problems + self._file_problems(key) + self.split.problems(f"{key}.split")

    def _file_problems(self, key: str) -> list[str]:
        """Return the problems of the settings that say how rows are read and drawn."""
        problems = [
            f"{key}.{name} is set, but only files have one; set {key}.path or leave it out."
            for name in ("encoding", "sheet")
            if getattr(self, name) is not None and self.path is None
        ]
        if self.shots is not None and self.shots < (0 if self.descriptions else 1):
            problems.append(f"{key}.shots is {self.shots}; expected 1 or more (0 with {key}.descriptions), or null.")
        if self.draw is not None and (self.shots is None or self.draw < 0):
            problems.append(f"{key}.draw is {self.draw}; expected {key}.shots, whose draw it is, and 0 or more.")
        if self.encoding is not None and (problem := encoding_problem(self.encoding)):
            problems.append(f"{key}.encoding: {problem}")
        if self.label_separator is not None and not self.label_separator.strip():
            problems.append(f"{key}.label_separator is blank; expected a character such as ';', or leave it out.")
        return problems


@dataclass(frozen=True)
class Corpus:
    """Texts of one domain; the module's docstring lists the columns.

    Args:
        origin: path, Hub id and revision, or package and version, for reports.
        splits: datasets by name; names are from `SPLITS`.
        notes: sentences on rows that were dropped, splits that were made, and duplicates.
        fingerprint: from `corpus_fingerprint`.

    Example:
        >>> corpus = load_corpus(CorpusConfig("corpus"))
        >>> corpus.splits["train"][0]["text"]
        '...'
    """

    origin: str
    splits: "dict[str, Dataset]"
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def label_column(self) -> str | None:
        """Return `label`, `labels`, or None for a corpus without labels."""
        return label_column({name for split in self.splits.values() for name in split.column_names})

    @property
    def multi_label(self) -> bool:
        """Return True if a row may have any number of labels."""
        return self.label_column == "labels"

    @property
    def label_names(self) -> list[str]:
        """Return the class names in the order of their ids; empty for a corpus without labels."""
        column = self.label_column
        return next((class_names(split) for split in self.splits.values() if column in split.column_names), [])


def label_column(columns: Iterable[str]) -> str | None:
    """Return `label` or `labels`, if it is among the columns; None otherwise."""
    return next((name for name in ("label", "labels") if name in columns), None)


def class_names(split: "Dataset") -> list[str]:
    """Return the class names of a split in the order of their ids; empty without labels."""
    column = label_column(split.column_names)
    if column is None:
        return []
    feature = split.features[column]
    return list((feature.feature if column == "labels" else feature).names)


def corpus_fingerprint(splits: "dict[str, Dataset]", label_names: list[str]) -> str:
    """Return the SHA-256 (hex) of class names, split names and the rows without their domain, in order.

    Example:
        >>> from datasets import Dataset
        >>> len(corpus_fingerprint({"test": Dataset.from_dict({"id": ["1"], "text": ["a clause"]})}, []))
        64
    """
    digest = hashlib.sha256(json.dumps(label_names).encode())
    for name, split in splits.items():
        columns = [column for column in split.column_names if column not in (DOMAIN_COLUMN, IMAGE)]
        digest.update(json.dumps([name, columns, len(split)]).encode())
        for batch in split.select_columns(columns).iter(_HASHED_ROWS):
            digest.update(json.dumps([batch[column] for column in columns]).encode())
    return digest.hexdigest()


@contextmanager
def with_corpus_name(key: str, config: CorpusConfig) -> Iterator[None]:
    """Add a corpus's path or id to each `DataError` that does not name it."""
    place = config.place
    names = {place, str(Path(place).expanduser())}
    try:
        yield
    except DataError as error:
        start = f"{key} ({place}): "
        raise DataError(
            problem if any(name in problem for name in names) else start + problem.removeprefix(f"{key}: ")
            for problem in error.problems
        ) from error
