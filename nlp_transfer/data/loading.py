"""Load a corpus from a configuration or from Python objects: source, typed rows, classes, splits, notes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from nlp_transfer.data.cache import cache_path, store_table
from nlp_transfer.data.column_names import AllColumns, first_rows
from nlp_transfer.data.corpus import (
    SPLITS,
    Corpus,
    CorpusConfig,
    SplitConfig,
    class_names,
    corpus_fingerprint,
    with_corpus_name,
)
from nlp_transfer.data.source import CorpusReader, RawSplit
from nlp_transfer.data.sources.builtin import BUILTIN
from nlp_transfer.data.sources.descriptions import description_source
from nlp_transfer.data.sources.files import file_source
from nlp_transfer.data.sources.hub import hub_source
from nlp_transfer.data.sources.in_memory import memory_source, object_source
from nlp_transfer.data.splits.exact_duplicates import duplicate_notes
from nlp_transfer.data.splits.few_shot import drawn_splits
from nlp_transfer.data.splits.split_names import UNSPLIT
from nlp_transfer.data.splits.splitting import make_splits, missing_class_notes, split_off
from nlp_transfer.data.validation.classes import case_notes, check_classes, check_repeated_labels
from nlp_transfer.data.validation.column_spec import ColumnSpec, remembered_columns
from nlp_transfer.data.validation.columns import MissingLabel, typed_tables
from nlp_transfer.data.validation.ids import check_ids
from nlp_transfer.data.validation.label_lists import class_notes
from nlp_transfer.data.validation.labels import LabelNames, add_class_labels
from nlp_transfer.data.validation.row_kinds import CORPUS_COLUMNS, REFERENCES, ROW_KINDS, TEXTS
from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.files import cache_key

SOURCES: dict[str, Callable[[CorpusConfig, str], CorpusReader]] = {
    "path": file_source,
    "hub": hub_source,
    "data": memory_source,
}
"""Readers of sources by the field of `CorpusConfig` that names the source."""


def load_corpus(
    config: CorpusConfig,
    *,
    key: str = "source",
    label_names: list[str] | None = None,
    labeled: bool | None = None,
    trains: bool | None = None,
    kind: str = TEXTS,
    run_columns: Mapping[str, str] | None = None,
) -> Corpus:
    """Read, check and split one domain.

    Args:
        label_names: classes of a model or a source corpus. Labels must be among them and take their ids, nothing is
            trained on this corpus, and rows without a split are its `test` split.
        labeled: True requires a label column, False ignores labels, None reads labels if there are any.
        trains: make the train and validation splits that a training needs. None means True for a corpus with labels
            other than `label_names`. Without labels, rows of `unlabeled` are training rows too.
        kind: name of the kind of rows, from `ROW_KINDS`, such as documents with summaries.
        run_columns: see `remembered_columns`.

    Raises:
        ConfigError: the settings do not fit together.
        DataError: the texts cannot be read, or lack what a corpus needs.

    Example:
        >>> corpus = load_corpus(CorpusConfig("corpus"))
        >>> corpus.label_names, {name: len(rows) for name, rows in corpus.splits.items()}
        (['copyleft', 'permissive', 'public'], {'train': 48, 'validation': 18, 'test': 24})
    """
    problems = config.problems(key)
    if config.descriptions and ROW_KINDS[kind].names_files:
        problems.append(f"{key}.descriptions are texts, and the rows of this task are images. Leave them out.")
    if config.label_names and not ROW_KINDS[kind].label_columns:
        problems.append(f"{key}.label_names names classes, and the rows of this task have none. Leave it out.")
    if config.builtin is not None and config.builtin not in BUILTIN:
        problems.append(f"{key}.builtin: {did_you_mean('corpus name', config.builtin, BUILTIN)}")
    if problems:
        raise ConfigError(problems)
    with with_corpus_name(key, config):
        if config.builtin is not None:
            source = BUILTIN[config.builtin](key)
        elif not config.place and config.data is None:
            source, config = description_source(config, key)
        else:
            source = next(read(config, key) for name, read in SOURCES.items() if getattr(config, name) is not None)
        noun = ROW_KINDS[kind].labels or "label"
        names = LabelNames(key, config.label_names or source.label_names, label_names, noun)
        if run_columns:
            first = first_rows(next(iter(source.splits.values())).read(AllColumns()))
            config = replace(config, columns=remembered_columns(run_columns, config.columns, first.available))
        return _corpus(source, config, names, labeled, trains, kind)


def corpus_from(
    data: Any,
    *,
    columns: dict[str, str] | None = None,
    split: SplitConfig | None = None,
    label_names: list[str] | None = None,
    labeled: bool | None = None,
    kind: str = TEXTS,
    key: str = "data",
) -> Corpus:
    """Make a corpus from Python objects.

    Args:
        data: a `datasets.Dataset`, a `DatasetDict`, a pandas DataFrame, or a dict of split name to one of these.
        label_names: class names in the order of their ids; integer labels index them. Data with splits but without
            `train` take them as the classes of a trained model, and nothing is trained on this corpus.

    Raises:
        ConfigError: the settings do not fit together.
        DataError: the data lack what a corpus needs.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"text": ["first clause", "second clause"]})
        >>> corpus_from({"test": frame}).splits["test"]["id"][:]
        ['test-0', 'test-1']
    """
    columns, split = columns or {}, split or SplitConfig()
    config = CorpusConfig(path="", columns=columns, label_names=label_names, split=split)
    if problems := config.problems(key):
        raise ConfigError(problems)
    source = object_source(data, key=key, columns=columns, splits={})
    learns = bool({"train", UNSPLIT} & set(source.splits))
    noun, trained = ROW_KINDS[kind].labels or "label", None if learns else label_names
    names = LabelNames(key, label_names or source.label_names, trained, noun)
    return _corpus(source, config, names, labeled, learns if not ROW_KINDS[kind].label_columns else None, kind)


def _corpus(
    source: CorpusReader,
    config: CorpusConfig,
    names: LabelNames,
    labeled: bool | None,
    trains: bool | None,
    kind: str,
) -> Corpus:
    """Make the corpus of a source."""
    key, notes = names.key, list(source.notes)
    raw = _with_unlabeled(source, key)
    wanted = ColumnSpec(
        key,
        config.columns,
        config.split.column if config.split.method == "grouped" else None,
        labels=labeled is not False and bool(ROW_KINDS[kind].label_columns),
        kind=kind,
        label_separator=config.label_separator,
        drop_empty=config.drop_empty,
        empty_advice="mend or remove these rows" + (f", or set {key}.drop_empty: true" if config.place else ""),
    )
    splits = _read_all(raw, wanted, notes)
    labelled = _check_labels(splits, raw, wanted, labeled is True)
    where = {name: split.where for name, split in raw.items()}
    check_ids(splits, where, key)
    firsts = [first_rows(split.read(AllColumns())) for split in raw.values()]
    notes += [note for first in firsts for note in wanted.notes(first)]

    trains = (labelled and names.trained is None) if trains is None else trains
    if trains and labelled:
        check_repeated_labels(splits.values(), wanted, firsts[0])
    made = config.split if config.shots is None else replace(config.split, validation=0.0)
    splits, how = _split(splits, where, made, names, trains=trains, labelled=labelled)
    notes += how
    splits, how = drawn_splits(splits, config, key, trains=trains)
    notes += how
    if trains and not labelled and not ROW_KINDS[kind].references and "unlabeled" in splits:
        more = splits.pop("unlabeled")
        splits["train"] = concatenate_datasets([splits["train"], more])
        notes.append(f"The {len(more):,} rows of the split unlabeled are training rows here, which takes no labels.")
    if labelled and names.trained is None:
        check_classes(splits["train"], key)
        if "test" not in splits:
            notes.append("There is no test split: nothing is reported for rows that selection has not seen.")
        notes += [*case_notes(splits.values()), *missing_class_notes(splits)]
    splits = {name: _kept_columns(splits[name]) for name in SPLITS if name in splits}
    notes += duplicate_notes(splits)
    classes = next((class_names(split) for split in splits.values() if class_names(split)), [])
    marked = [name for names in wanted.marked().values() for name in names]
    notes += class_notes(classes, marked if classes else [], config.label_separator, key)
    return Corpus(source.origin, splits, tuple(dict.fromkeys(notes)), corpus_fingerprint(splits, classes))


def _kept_columns(split: Dataset) -> Dataset:
    """Return a split with the columns of a corpus."""
    return split.select_columns([column for column in CORPUS_COLUMNS if column in split.column_names])


def _split(
    splits: dict[str, Dataset],
    where: dict[str, str],
    config: SplitConfig,
    names: LabelNames,
    *,
    trains: bool,
    labelled: bool,
) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits with class labels, those made that the source lacks; and notes on how they were made."""
    method = _split_method(config, set(splits), trained=trains, key=names.key)
    pooled = [name for name in splits if name != "unlabeled" or len(splits) == 1]
    splits = add_class_labels(splits, where, names, ["train"] if method == "given" else pooled)
    if method != "given":
        pool = concatenate_datasets([splits.pop(name) for name in pooled])
        made, notes = make_splits(pool, config, method, names.key)
        return {**splits, **made}, notes
    if UNSPLIT in splits:
        judged = labelled or REFERENCES & set(splits[UNSPLIT].column_names)
        return {"test" if judged else "unlabeled": splits[UNSPLIT]}, []
    if trains and "validation" not in splits and config.validation > 0:
        return split_off("validation", splits, config, names.key)
    return splits, []


def _with_unlabeled(source: CorpusReader, key: str) -> dict[str, RawSplit]:
    """Return the splits, with rows named `all` renamed to `unlabeled` if there are other splits."""
    raw = dict(source.splits)
    if UNSPLIT in raw and len(raw) > 1:
        if "unlabeled" in raw:
            both = f"{raw[UNSPLIT].where} and {raw['unlabeled'].where}"
            raise DataError(f"{key}: both {both} are the split 'unlabeled'. Set `{key}.splits: {{unlabeled: …}}`.")
        raw["unlabeled"] = raw.pop(UNSPLIT)
    return raw


def _read_all(raw: dict[str, RawSplit], wanted: ColumnSpec, notes: list[str]) -> dict[str, Dataset]:
    """Read the typed rows of every split; problems of all splits are raised together."""
    splits: dict[str, Dataset] = {}
    problems: list[str] = []
    loose = replace(wanted, labels_needed=False, group=wanted.group if len(raw) == 1 else None)
    for name, split in raw.items():
        facts = Counter[str]()
        try:
            splits[name] = _read(split, name, loose if name == "unlabeled" else wanted, facts)
        except MissingLabel:
            notes.append(f"{split.where}: labels are left out, because not all rows have one.")
            facts.clear()
            splits[name] = _read(split, name, replace(loose, labels=False), facts)
        except DataError as error:
            problems += error.problems
        counted = {"dropped": f"rows without a text that are dropped ({wanted.key}.drop_empty)", **wanted.rows.facts}
        notes += [f"{split.where}: {what}: {facts[name]:,}." for name, what in counted.items() if facts[name]]
    if problems:
        raise DataError(problems)
    return splits


def _read(raw: RawSplit, name: str, wanted: ColumnSpec, facts: Counter[str]) -> Dataset:
    """Read the typed rows of one split: memory-mapped, or in memory if they were in memory before.

    Args:
        facts: see `typed_tables`.
    """

    def tables() -> Iterator[pa.Table]:
        return typed_tables(raw, name, wanted, facts)

    if raw.identity is None or (wanted.rows.names_files and raw.find_file is not None):
        return Dataset(pa.concat_tables(tables()))
    settings = [wanted.theirs(), sorted(wanted.renames), wanted.gathered(), wanted.labels_needed, wanted.kind]
    settings += [[wanted.label_separator, wanted.drop_empty]] if wanted.label_separator or wanted.drop_empty else []
    return store_table(cache_path("corpora", cache_key(*raw.identity, name, settings)), tables, facts)


def _check_labels(splits: dict[str, Dataset], raw: dict[str, RawSplit], wanted: ColumnSpec, needed: bool) -> bool:
    """Return True if the corpus has labels; raise `DataError` if a split lacks required labels."""
    lacking = [name for name, split in splits.items() if not {"label", "labels"} & set(split.column_names)]
    labelled = len(lacking) < len(splits)
    counted = [name for name in lacking if name != "unlabeled" or (needed and not labelled)]
    if (needed or labelled) and counted:
        problems = []
        for name in counted:
            first, noun = first_rows(raw[name].read(AllColumns())), wanted.rows.labels
            missing = repr(noun) if noun else "'label' or 'labels'"
            advice = f"Name theirs: `{wanted.key}.columns: {{theirs: {noun}}}`." if noun else wanted.label_advice(first)
            found = ", ".join(first.available)
            problems.append(f"{raw[name].where}: there is no column {missing}; columns found: {found}. {advice}")
        raise DataError(problems)
    return labelled


def _split_method(config: SplitConfig, present: set[str], *, trained: bool, key: str) -> str:
    """Return the method of making splits; raise `DataError` if `given` lacks a training split."""
    method = config.method
    if method == "auto":
        method = "near_duplicate" if trained and not present & {"validation", "test"} else "given"
    if method == "given" and trained and "train" not in present:
        names = ", ".join(sorted(present)).replace(UNSPLIT, "one without a split's name")
        raise DataError(f"{key}: there is no train split; splits found: {names}. Name it, or set {key}.split.method.")
    return method
