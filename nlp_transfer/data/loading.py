"""From a configuration or Python objects to a `Corpus`:

    source -> typed rows -> classes -> splits -> what a reader must know

Bad rows are errors, never dropped. What is left out (splits, small classes of a built-in corpus) is in `Corpus.notes`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from nlp_transfer.data.cache import cache_path, store_table
from nlp_transfer.data.corpus import SPLITS, Corpus, CorpusConfig, SplitConfig
from nlp_transfer.data.fingerprint import corpus_fingerprint
from nlp_transfer.data.source import CorpusReader, RawSplit
from nlp_transfer.data.sources.aclsum import aclsum_source
from nlp_transfer.data.sources.files import file_source
from nlp_transfer.data.sources.hub import hub_source
from nlp_transfer.data.sources.in_memory import object_source
from nlp_transfer.data.sources.licenses import license_source
from nlp_transfer.data.splits.exact_duplicates import duplicate_notes
from nlp_transfer.data.splits.split_names import UNSPLIT
from nlp_transfer.data.splits.splitting import class_counts, make_splits, missing_class_notes, split_validation
from nlp_transfer.data.validation.columns import ColumnSpec, MissingLabel, typed_tables
from nlp_transfer.data.validation.documents import SUMMARY_COLUMNS
from nlp_transfer.data.validation.ids import check_ids
from nlp_transfer.data.validation.labels import LabelNames, add_class_labels
from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.files import cache_key

SOURCES: dict[str, Callable[[CorpusConfig, str], CorpusReader]] = {"path": file_source, "hub": hub_source}
"""Kinds of source by the field of `CorpusConfig` that names one."""

BUILTIN: dict[str, Callable[[str], CorpusReader]] = {"licenses": license_source, "aclsum": aclsum_source}
"""Corpora that ship with a package."""


def load_corpus(
    config: CorpusConfig,
    *,
    key: str = "source",
    label_names: list[str] | None = None,
    labeled: bool | None = None,
    trains: bool | None = None,
    documents: bool = False,
) -> Corpus:
    """Read, check and split one domain.

    Args:
        config: where its texts come from.
        key: the path of `config` in the configuration (`source`, `target`), for messages.
        label_names: the classes of a model or a source corpus: labels must be among them and take their ids, and
            nothing is trained on this corpus. Rows that belong to no split are then its `test` split.
        labeled: True where a label column must be there; False to leave labels unread; None to take what is there.
        trains: whether a model is trained on it, so that train and validation splits are made where they are missing;
            None is where it has labels that are not those of `label_names`. Without labels, rows of the split
            `unlabeled` are training rows too.
        documents: whether its rows are documents with summaries (data/validation/documents.py), not texts with labels.

    Raises:
        ConfigError: the settings do not fit together.
        DataError: the texts cannot be read, or are not what a corpus needs.
    """
    problems = config.problems(key)
    if config.builtin is not None and config.builtin not in BUILTIN:
        problems.append(f"{key}.builtin: {did_you_mean('corpus name', config.builtin, BUILTIN)}")
    if problems:
        raise ConfigError(problems)
    with with_corpus_name(key, config):
        if config.builtin is not None:
            source = BUILTIN[config.builtin](key)
        else:
            source = next(read(config, key) for name, read in SOURCES.items() if getattr(config, name) is not None)
        names = LabelNames(key, config.label_names or source.label_names, label_names)
        return _corpus(source, config.columns, config.split, names, labeled, trains, documents)


@contextmanager
def with_corpus_name(key: str, config: CorpusConfig) -> Iterator[None]:
    """Put a corpus's path or id into each DataError that does not name it.

    Args:
        key: the path of `config` in the configuration, such as `source`.
        config: names the corpus.
    """
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


def corpus_from(
    data: Any,
    *,
    columns: dict[str, str] | None = None,
    split: SplitConfig | None = None,
    label_names: list[str] | None = None,
    labeled: bool | None = None,
    documents: bool = False,
    key: str = "data",
) -> Corpus:
    """Make a corpus of Python objects.

    Args:
        data: a `datasets.Dataset`, a `DatasetDict`, a pandas DataFrame, or a dict of split name to one of these.
        columns: renames (theirs: ours).
        split: how splits are made; None takes the defaults of `SplitConfig`.
        label_names: the classes in the order of their ids; integer labels index them. With splits but no `train`, they
            are those of a trained model, and nothing is trained on this corpus.
        labeled: see `load_corpus`.
        documents: see `load_corpus`.
        key: what messages call the corpus.

    Raises:
        ConfigError: the settings do not fit together.
        DataError: the data are not what a corpus needs.
    """
    columns, split = columns or {}, split or SplitConfig()
    problems = CorpusConfig(path="", columns=columns, label_names=label_names, split=split).problems(key)
    if problems:
        raise ConfigError(problems)
    source = object_source(data, key=key, columns=columns, splits={})
    learns = bool({"train", UNSPLIT} & set(source.splits))
    names = LabelNames(key, label_names or source.label_names, None if learns else label_names)
    return _corpus(source, columns, split, names, labeled, learns if documents else None, documents)


def _corpus(
    source: CorpusReader,
    columns: dict[str, str],
    config: SplitConfig,
    names: LabelNames,
    labeled: bool | None,
    trains: bool | None,
    documents: bool,
) -> Corpus:
    """The corpus of a source."""
    key, notes = names.key, list(source.notes)
    raw = _with_unlabeled(source, key)
    group = config.column if config.method == "grouped" else None
    wanted = ColumnSpec(key, columns, group, labels=labeled is not False and not documents, documents=documents)
    splits = _read_all(raw, wanted, notes)
    labelled = _check_labels(splits, raw, key, labeled is True)
    where = {name: split.where for name, split in raw.items()}
    check_ids(splits, where, key)
    notes += _shadowed_column_notes(raw, columns) if columns else []

    trains = (labelled and names.trained is None) if trains is None else trains
    method = _split_method(config, set(splits), trained=trains, key=key)
    pooled = [name for name in splits if name != "unlabeled" or len(splits) == 1]
    training = ["train"] if method == "given" else pooled
    splits = add_class_labels(splits, where, names, training)
    if method != "given":
        pool = concatenate_datasets([splits.pop(name) for name in pooled])
        made, how = make_splits(pool, config, method, key)
        splits, notes = {**splits, **made}, [*notes, *how]
    elif UNSPLIT in splits:
        splits = {"test" if labelled else "unlabeled": splits[UNSPLIT]}
    elif trains and "validation" not in splits and config.validation > 0:
        splits, how = split_validation(splits, config, key)
        notes += how
    if trains and not labelled and not documents and "unlabeled" in splits:
        more = splits.pop("unlabeled")
        splits["train"] = concatenate_datasets([splits["train"], more])
        notes.append(f"The {len(more):,} rows of the split unlabeled are training rows here, which takes no labels.")
    if labelled and names.trained is None:
        _check_classes(splits["train"], key)
        if "test" not in splits:
            notes.append("There is no test split: nothing is reported for rows that selection has not seen.")
        notes += missing_class_notes(splits)
    keep = ("id", "text", "label", "labels", *SUMMARY_COLUMNS)
    splits = {
        name: splits[name].select_columns([column for column in keep if column in splits[name].column_names])
        for name in SPLITS
        if name in splits
    }
    notes += duplicate_notes(splits)
    corpus = Corpus(source.origin, splits, tuple(notes), "")
    return replace(corpus, fingerprint=corpus_fingerprint(splits, corpus.label_names))


def _with_unlabeled(source: CorpusReader, key: str) -> dict[str, RawSplit]:
    """The splits; rows named `all` beside other splits are the unlabelled ones."""
    raw = dict(source.splits)
    if UNSPLIT in raw and len(raw) > 1:
        if "unlabeled" in raw:
            raise DataError(
                f"{key}: both {raw[UNSPLIT].where} and {raw['unlabeled'].where} are the split 'unlabeled'. Take one "
                f"away, or say which: `{key}.splits: {{unlabeled: …}}`."
            )
        raw["unlabeled"] = raw.pop(UNSPLIT)
    return raw


def _read_all(raw: dict[str, RawSplit], wanted: ColumnSpec, notes: list[str]) -> dict[str, Dataset]:
    """Typed rows of every split; problems of all splits together."""
    splits: dict[str, Dataset] = {}
    problems: list[str] = []
    loose = replace(wanted, labels_needed=False, group=wanted.group if len(raw) == 1 else None)
    for name, split in raw.items():
        try:
            splits[name] = _read(split, name, loose if name == "unlabeled" else wanted)
        except MissingLabel:
            notes.append(f"{split.where}: labels are left out, because not all rows have one.")
            splits[name] = _read(split, name, replace(loose, labels=False))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return splits


def _read(raw: RawSplit, name: str, wanted: ColumnSpec) -> Dataset:
    """Typed rows of one split: memory-mapped, or in memory where they were there before."""

    def tables() -> Iterator[pa.Table]:
        return typed_tables(raw, name, wanted)

    if raw.identity is None:
        return Dataset(pa.concat_tables(tables()))
    settings = [wanted.theirs(), sorted(wanted.renames), wanted.labels_needed, wanted.documents]
    return store_table(cache_path("corpora", cache_key(*raw.identity, name, settings)), tables)


def _check_labels(splits: dict[str, Dataset], raw: dict[str, RawSplit], key: str, needed: bool) -> bool:
    """Whether the corpus has labels; raises DataError where a split lacks those that it must have."""
    lacking = [name for name, split in splits.items() if not {"label", "labels"} & set(split.column_names)]
    labelled = len(lacking) < len(splits)
    counted = [name for name in lacking if name != "unlabeled" or (needed and not labelled)]
    if (needed or labelled) and counted:
        problems = []
        for name in counted:
            first = next(iter(raw[name].read(frozenset())))
            example = next((column for column in first.found if column not in ("id", "text")), "category")
            problems.append(
                f"{raw[name].where}: there is no column 'label' or 'labels'; columns found: {', '.join(first.found)}. "
                f"Say which one holds the labels: `{key}.columns: {{{example}: label}}`."
            )
        raise DataError(problems)
    return labelled


def _shadowed_column_notes(raw: dict[str, RawSplit], columns: dict[str, str]) -> list[str]:
    """A note where a renamed column takes the place of one that is there."""
    found = next(iter(next(iter(raw.values())).read(frozenset()))).found
    return [
        f"Column {ours!r} of the source is left out: {theirs!r} takes its place."
        for theirs, ours in columns.items()
        if ours in found and ours not in columns and ours != theirs
    ]


def _split_method(config: SplitConfig, found: set[str], *, trained: bool, key: str) -> str:
    """How splits are made; raises DataError where `given` lacks what training needs."""
    method = config.method
    if method == "auto":
        method = "near_duplicate" if trained and not found & {"validation", "test"} else "given"
    if method == "given" and trained and "train" not in found:
        names = ", ".join(sorted(found)).replace(UNSPLIT, "one without a split's name")
        raise DataError(
            f"{key}: there is no train split; splits found: {names}. Name it, or set {key}.split.method to stratified, "
            "grouped or near_duplicate, which make splits of all rows."
        )
    return method


def _check_classes(train: Dataset, key: str) -> None:
    """Complain where there is nothing to tell apart."""
    counts = class_counts(train)
    column = "label" if "label" in train.column_names else "labels"
    present = [index for index, count in enumerate(counts) if count]
    if column == "label" and len(present) < 2:
        name = train.features[column].names[present[0]]
        raise DataError(
            f"{key}: all {len(train):,} training rows have one class, {name!r}; a classifier needs two at least. "
            f"Add rows of another class, or check which column is the label ({key}.columns)."
        )
    if not present:
        raise DataError(
            f"{key}: no training row has a label in column 'labels'; there is nothing to learn. Add labels."
        )
