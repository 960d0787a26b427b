"""Merge several source corpora into one, with the corpus of each row in a column.

The classes are those of all corpora: the first one's in their order, then those that others add. Ids begin with the
corpus's name, so that they stay unique; the column `DOMAIN_COLUMN` holds it. Each corpus is split by itself before.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, concatenate_datasets

from nlp_transfer.data.corpus import (
    DOMAIN_COLUMN,
    SPLITS,
    VALUES,
    Corpus,
    CorpusConfig,
    class_names,
    corpus_fingerprint,
    label_column,
)
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.splits.exact_duplicates import duplicate_notes, hash_texts
from nlp_transfer.data.validation.labels import replace_class_ids
from nlp_transfer.data.validation.row_kinds import TEXTS
from nlp_transfer.errors import DataError
from nlp_transfer.files import cache_key


def load_sources(
    configs: Sequence[CorpusConfig], *, labeled: bool, trains: bool | None = None, kind: str = TEXTS
) -> Corpus:
    """Load the source corpus, or merge several."""
    if len(configs) == 1:
        return load_corpus(configs[0], key="source", labeled=labeled, trains=trains, kind=kind)
    corpora = [
        load_corpus(config, key=f"source.{i}", labeled=labeled, trains=trains, kind=kind)
        for i, config in enumerate(configs)
    ]
    return merge_corpora(dict(zip(source_names(configs), corpora, strict=True)))


def source_names(configs: Sequence[CorpusConfig]) -> list[str]:
    """Return the shortest end of each path or id that separates the corpora, else their numbers.

    Example:
        >>> source_names([CorpusConfig(path="eu/clauses.csv"), CorpusConfig(path="us/clauses.csv")])
        ['eu/clauses.csv', 'us/clauses.csv']
    """
    parts = [PurePath(config.place).parts for config in configs]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [f"source.{i}" for i in range(len(configs))]


def merge_corpora(corpora: Mapping[str, Corpus]) -> Corpus:
    """Merge corpora into one; raise DataError for labels of different kinds, or without a class in common."""
    _check_labels(corpora)
    classes = list(dict.fromkeys(name for corpus in corpora.values() for name in corpus.label_names))
    splits = {}
    for split in SPLITS:
        parts = {name: corpus.splits[split] for name, corpus in corpora.items() if split in corpus.splits}
        if parts:
            shared = set.intersection(*(set(part.column_names) for part in parts.values()))
            placed = []
            for name, part in parts.items():
                columns = [column for column in part.column_names if column in shared]
                placed.append(_with_domain(part.select_columns(columns), name, list(corpora), classes))
            splits[split] = concatenate_datasets(placed)
    notes = [f"{name}: {note}" for name, corpus in corpora.items() for note in corpus.notes]
    for name, corpus in corpora.items():
        lacking = [label for label in classes if label not in corpus.label_names]
        if lacking:
            notes.append(f"{name} has no rows of {', '.join(lacking)}.")
    notes += _copies_between(corpora)
    notes += [f"All sources together: {note}" for note in duplicate_notes(splits)]
    origin = " + ".join(corpus.origin for corpus in corpora.values())
    return Corpus(origin, splits, tuple(notes), corpus_fingerprint(splits, classes))


def _copies_between(corpora: Mapping[str, Corpus]) -> list[str]:
    """Return a note for each pair of sources whose training texts are exact copies."""
    hashes = {name: hash_texts(corpus.splits["train"])[0] for name, corpus in corpora.items()}
    notes = []
    for i, (name, own) in enumerate(hashes.items()):
        for other in list(hashes)[:i]:
            if count := int(np.isin(own, hashes[other]).sum()):
                notes.append(f"{name}: {count:,} of {len(own):,} training texts are exact copies of {other}'s.")
    return notes


def _check_labels(corpora: Mapping[str, Corpus]) -> None:
    kinds = {corpus.origin: corpus.label_column for corpus in corpora.values()}
    if len(set(kinds.values())) > 1:
        words = {None: "no labels", "label": "one label a text (label)", "labels": "lists of labels (labels)"}
        listed = ", ".join(f"{name} has {words[kind]}" for name, kind in kinds.items())
        raise DataError(f"source: the corpora have labels of different kinds: {listed}.")
    numbers = {corpus.origin: _number_names(corpus) for corpus in corpora.values()}
    if len({frozenset(names) for names in numbers.values()}) > 1:
        listed = ", ".join(f"{name} has {' and '.join(names) or 'none'}" for name, names in numbers.items())
        raise DataError(f"source: the corpora have different numbers: {listed}. Give their columns the same names.")
    problems = []
    for name, corpus in corpora.items():
        others = {label for other, one in corpora.items() if other != name for label in one.label_names}
        if corpus.label_names and not others & set(corpus.label_names):
            problems.append(
                f"source: {corpus.origin} has none of the others' classes: {', '.join(corpus.label_names[:10])} "
                f"against {', '.join(sorted(others)[:10])}."
            )
    if problems:
        raise DataError(problems)


def _number_names(corpus: Corpus) -> list[str]:
    """Return the names of the numbers of a corpus's training rows; empty without numbers."""
    train = corpus.splits["train"]
    return sorted(train.features[VALUES]) if VALUES in train.column_names else []


def _with_domain(rows: Dataset, name: str, names: list[str], classes: list[str]) -> Dataset:
    """Return the rows with merged ids, class ids and the domain; only these columns are held in memory."""
    key = [rows._fingerprint, name, names, classes]
    rows = rows.flatten_indices() if rows._indices is not None else rows
    label = label_column(rows.column_names)
    if label is not None:
        numbers = pa.array([classes.index(own) for own in class_names(rows)], pa.int64())
        rows = replace_class_ids(rows, label, numbers.take, classes, cache_key(*map(str, key), label)[:32])
    ids = [pc.binary_join_element_wise(name, chunk, "/") for chunk in rows.data.column("id").chunks]
    domain = pa.chunked_array([pa.array(np.full(len(rows), names.index(name)), pa.int64())])
    for column, values, feature in (
        ("id", pa.chunked_array(ids, pa.string()), rows.features["id"]),
        (DOMAIN_COLUMN, domain, ClassLabel(names=names)),
    ):
        rows = rows.remove_columns(
            [column] if column in rows.column_names else []
        ).add_column(
            column,
            values,  # type: ignore[arg-type]  # documented as a list; Arrow is taken as it is
            feature=feature,
            new_fingerprint=cache_key(*map(str, key), column)[:32],
        )
    return rows
