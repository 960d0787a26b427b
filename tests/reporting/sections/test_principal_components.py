"""Source and target in two axes: the variance that they hold, how many texts are read, and where there is no figure."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset

from nlp_transfer.reporting.sections.principal_components import MAX_ROWS, pca_figure, principal_components
from nlp_transfer.tasks import MaskedLanguageModeling, SequenceClassification


def test_axes_hold_the_variance_by_their_size():
    source, target = np.array([[2.0, 0.0, 1.0], [-2.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 1.0], [0.0, -1.0, 1.0]])
    made = pca_figure({"source test": source, "target test": target})
    assert (made.chart.x, made.chart.y) == ("axis 1 (80% of the variance)", "axis 2 (20%)")
    assert np.abs(made.chart.groups["source test"]).tolist() == [[2.0, 0.0], [2.0, 0.0]]
    assert np.abs(made.chart.groups["target test"]).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert made.caption == (
        "Pooled features of texts (2 of source test, 2 of target test) in two axes of a PCA of both; a text is a point."
    )


def run_with(**changes):
    read = []

    def features_of(rows, labelled):
        read.append(len(rows))
        return SimpleNamespace(pooled=torch.as_tensor(np.random.default_rng(len(rows)).random((len(rows), 4))))

    trainer = SimpleNamespace(is_fsdp_enabled=False, is_deepspeed_enabled=False, features_of=features_of)
    rows = {
        "source": {"test": Dataset.from_dict({"n": list(range(1200))})},
        "target": {"test": Dataset.from_dict({"n": [1, 2]})},
    }
    scored = {
        domain: {"validation": None, **splits} if domain == "source" else splits for domain, splits in rows.items()
    }
    values = {"trainer": trainer, "rows": rows, "scored": scored, **changes}
    return SimpleNamespace(experiment=SimpleNamespace(task=SequenceClassification()), read=read, **values)


def test_at_most_500_texts_of_a_domain_are_read():
    run = run_with()
    (made,) = principal_components(run).blocks
    assert run.read == [MAX_ROWS, 2]
    assert {name: len(points) for name, points in made.chart.groups.items()} == {"source test": 500, "target test": 2}


@pytest.mark.parametrize("lack", ["target", "features", "whole model", "rows"])
def test_no_figure_without(lack):
    run = run_with()
    if lack == "target":
        del run.scored["target"]
    elif lack == "features":
        run.experiment.task = MaskedLanguageModeling()
    elif lack == "whole model":
        run.trainer.is_fsdp_enabled = True
    else:
        run.rows["target"]["test"] = Dataset.from_dict({"n": [1]})
    assert principal_components(run) is None
