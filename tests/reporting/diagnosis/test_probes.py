"""Linear probes, scored on rows that they have not seen."""

import numpy as np
import pytest

from nlp_transfer.reporting.diagnosis.probes import stratified_folds
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData


def test_near_duplicates_are_in_one_fold() -> None:
    groups = np.repeat(np.arange(30), 2)
    for train, held in stratified_folds(np.tile([0, 1, 2], 20), groups, seed=0):
        assert not set(groups[train]) & set(groups[held])


def test_a_probe_is_scored_on_rows_that_it_has_not_seen(data: DiagnosisData) -> None:
    best = data.probes[data.best_layer]
    assert best.loss == min(probe.loss for probe in data.probes.values())
    assert best.macro_f1 > 0.7  # the words give the class away, and four labels are wrong
    assert best.probabilities.sum(axis=1) == pytest.approx(np.ones(132))
