"""The rows of a diagnosis: texts, labels, near-duplicates and frozen features, and probabilities out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from datasets import concatenate_datasets

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.data.splits.near_duplicates import near_duplicate_groups
from nlp_transfer.errors import DataError
from nlp_transfer.metrics.domain_distance import TwoSampleTest, two_sample_test
from nlp_transfer.metrics.label_errors import LabelErrors, find_label_errors
from nlp_transfer.models.activation_cache.features import hidden_states, pool_documents
from nlp_transfer.models.activation_cache.window_rows import network_rows
from nlp_transfer.models.heads.document_pooling import feature_pooling
from nlp_transfer.models.heads.pooling import available_layers, available_poolings, use_full_attention
from nlp_transfer.models.speed.batching import default_batch_tokens
from nlp_transfer.models.speed.precision import native_bf16
from nlp_transfer.reporting.diagnosis.learning_curve import DRAWS, MIN_LABELS, LearningCurve, fit_curve
from nlp_transfer.reporting.diagnosis.probes import Probe, best_layer, fit_probe, stratified_folds
from nlp_transfer.reporting.diagnosis.target_accuracy import TargetAccuracy, target_accuracy
from nlp_transfer.reporting.prepared_run import PreparedRun
from nlp_transfer.tasks.base import FittedTask
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.extensions.activation_cache import store_for

SIMILARITY = 0.6
"""Jaccard similarity from which two texts are near-duplicates."""

MIN_LABELED = 20
"""Number of labelled rows of the source below which nothing is judged."""

MIN_DISTINCT = 8
"""Number of texts of each domain, one of each group of near-duplicates, below which domains are not compared."""


@dataclass(frozen=True)
class DomainRows:
    """Hold the rows of one domain, those of all splits one after another.

    Args:
        splits: name of each row's split, shape (rows,).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes); None without.
        features: of each layer, shape (rows, hidden).
        domains: name of each row's corpus where several were merged, shape (rows,); None of one.
    """

    ids: Sequence[Any]
    texts: Sequence[str]
    splits: np.ndarray
    labels: np.ndarray | None
    features: dict[int, np.ndarray]
    domains: np.ndarray | None = None


@dataclass(frozen=True)
class DiagnosisData:
    """Hold what the sections of a diagnosis are made from.

    Args:
        most_rows: maximum number of texts of a domain that the encoder reads; None is all.
        encoders: other encoders, to be ranked with the experiment's.
    """

    experiment: ExperimentParts
    prepared: PreparedRun
    most_rows: int | None = None
    encoders: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise DataError where there are too few labelled rows to judge one by the others."""
        encoded = {name: rows for name, rows in self.prepared.data.encoded["source"].items() if name != "unlabeled"}
        if (count := sum(map(len, encoded.values()))) < MIN_LABELED:
            raise DataError(
                f"{self.prepared.data.corpora['source'].origin} has {count} labelled rows, and a diagnosis needs "
                f"{MIN_LABELED} or more."
            )

    @property
    def task(self) -> FittedTask:
        """The task, which has read the source."""
        return self.prepared.data.task

    @cached_property
    def source(self) -> DomainRows:
        """The labelled rows of the source."""
        return self._rows("source", [name for name in self.prepared.data.encoded["source"] if name != "unlabeled"])

    @cached_property
    def target(self) -> DomainRows | None:
        """The rows of the target; None without one."""
        encoded = self.prepared.data.encoded.get("target")
        return None if encoded is None else self._rows("target", list(encoded))

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of near-duplicates of each row of the source, then of the target."""
        texts = [*self.source.texts, *(self.target.texts if self.target is not None else ())]
        return near_duplicate_groups(texts, len(texts), SIMILARITY)

    def distinct(self, places: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return one row of each group of near-duplicates, of the source's (or some of them) and of the target's."""
        count = len(self.source.ids)
        places = np.arange(count) if places is None else places
        first = places[np.unique(self.groups[places], return_index=True)[1]]
        return first, np.unique(self.groups[count:], return_index=True)[1]

    @cached_property
    def probes(self) -> dict[int, Probe]:
        """The linear probe of each layer, by cross-validation over the source's labelled rows."""
        return self.probes_of(np.arange(len(self.source.ids)))

    def probes_of(self, places: np.ndarray) -> dict[int, Probe]:
        """Return the linear probe of each layer, by cross-validation over some of the source's rows."""
        assert self.source.labels is not None
        labels, folds = self.source.labels[places], self.folds_of(places)
        features = self.source.features.items()
        return {layer: fit_probe(values[places], labels, folds, self.task) for layer, values in features}

    def folds_of(self, places: np.ndarray, draw: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (training rows, other rows) of each fold of some of the source's rows, of a random draw."""
        assert self.source.labels is not None
        return stratified_folds(self.source.labels[places], self.groups[places], self.experiment.training.seed + draw)

    @cached_property
    def label_errors(self) -> LabelErrors:
        """The labels that the best layer's probe doubts."""
        assert self.source.labels is not None
        return find_label_errors(self.source.labels, self.probes[self.best_layer].probabilities)

    @cached_property
    def domain_test(self) -> TwoSampleTest | None:
        """How well source and target are told apart on the best layer; None with too few texts of one."""
        here, there = self.distinct()  # a near-duplicate in the other half would be known from training
        if self.target is None or min(len(here), len(there)) < MIN_DISTINCT:
            return None
        source, target = (rows.features[self.best_layer] for rows in (self.source, self.target))
        return two_sample_test(source[here], target[there], seed=self.experiment.training.seed)

    @cached_property
    def target_accuracy(self) -> TargetAccuracy | None:
        """The accuracy of the source's probes on the target; None without one, or of several labels a text."""
        if self.target is None or self.task.multi_label or self.source.labels is None:
            return None
        return target_accuracy(self.probes, self.source.labels, self.target.features, self.target.labels, self.task)

    @cached_property
    def curve(self) -> LearningCurve | None:
        """The scores of shares of the labels; None of too few."""
        rows, best = self.source, self.probes[self.best_layer]
        if rows.labels is None or len(rows.ids) < MIN_LABELS:
            return None
        draws = [self.folds_of(np.arange(len(rows.ids)), draw) for draw in range(DRAWS)]
        return fit_curve(rows.features[self.best_layer], rows.labels, draws, self.task, best.l2)

    @property
    def gain(self) -> tuple[float, float, float] | None:
        """The gain in accuracy of twice as many labels; None of too few, of a sample, or of several labels a text."""
        return None if self.curve is None or self.task.multi_label or self.sampled else self.curve.gain

    @property
    def sampled(self) -> str:
        """The domains of which a sample is read, in a sentence; empty where all texts are."""
        parts = []
        for domain, rows in (("source", self.source), ("target", self.target)):
            total = sum(map(len, self.prepared.data.encoded[domain].values())) if rows is not None else 0
            if rows is not None and self.most_rows is not None and total > self.most_rows:
                parts.append(f"{len(rows.ids):,} of {total:,} texts of the {domain}")
        return f"A sample was read, {' and '.join(parts)}: --rows null reads all." if parts else ""

    @property
    def best_layer(self) -> int:
        """The layer whose probe has the lowest loss on rows that it has not seen."""
        return best_layer(self.probes)

    def _rows(self, domain: str, names: Sequence[str]) -> DomainRows:
        corpus, encoded = self.prepared.data.corpora[domain], self.prepared.data.encoded[domain]
        labelled = all("labels" in encoded[name].column_names for name in names)
        rng, parts, texts, splits = np.random.default_rng(0), [], [], []
        total = sum(len(encoded[name]) for name in names)
        for name in names:
            rows, chosen = encoded[name], np.arange(len(encoded[name]))
            if self.most_rows is not None and total > self.most_rows:
                count = max(1, round(self.most_rows * len(rows) / total))
                chosen = np.sort(rng.permutation(len(rows))[:count])
            parts.append(rows.select(chosen))
            texts += list(corpus.splits[name].select(chosen)["text"])
            splits += [name] * len(chosen)
        shared = set.intersection(*(set(part.column_names) for part in parts))
        whole = concatenate_datasets([part.select_columns(sorted(shared)) for part in parts])
        labels = np.asarray(whole["labels"]).astype(int) if labelled else None
        domains = None
        if DOMAIN_COLUMN in shared:
            domains = np.array(whole.features[DOMAIN_COLUMN].names)[np.asarray(whole[DOMAIN_COLUMN])]
        return DomainRows(list(whole["id"]), texts, np.array(splits), labels, self._features(whole), domains)

    def _features(self, rows: Any) -> dict[int, np.ndarray]:
        model: Any = self.prepared.loaded.model.to(self.experiment.training.device)  # type: ignore[arg-type]
        use_full_attention(model)
        if "labels" not in rows.column_names:
            rows = rows.add_column("labels", [0] * len(rows))
        pooling = available_poolings(model)[0]
        store = store_for(self.experiment.training)
        with native_bf16(model.device.type, enabled=store is None):  # runs read stored features in float32
            encoded = hidden_states(
                model,
                network_rows(rows),
                collate=self.task.collator(self.prepared.data.tokenizer),
                max_tokens=default_batch_tokens(model.device),
                layers=list(available_layers(model)),
                poolings=[pooling],
                store=store,
            )
        pooled = pool_documents(encoded, network_rows(rows), feature_pooling(model))
        return {layer: np.asarray(values) for (layer, _), values in pooled.features.items()}


def label_text(names: Sequence[str], label: Any) -> str:
    """Return the name of a class id, or the names of zeros and ones, `none` without any.

    Example:
        >>> label_text(["a", "b"], np.array([1, 1])), label_text(["a", "b"], 0)
        ('a, b', 'a')
    """
    if np.ndim(label) == 0:
        return names[int(label)]
    return ", ".join(names[int(i)] for i in np.flatnonzero(label)) or "none"
