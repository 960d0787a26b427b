"""Self-training: who keeps a pseudo-label, when, and what is learned from it."""

import numpy as np
import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import SelfTraining
from nlp_transfer.methods.alignment import Features
from nlp_transfer.methods.self_training import _most_confident, _surest_sets
from tests.methods.adapting import side
from tests.tiny_models import tiny_model

PROBABILITIES = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55], [0.3, 0.7]])
"""Class 0 by 0.9, 0.6, 0.8, 0.7; class 1 by 0.55, 0.7."""


def test_the_surest_share_of_each_class_by_hand() -> None:
    assert _most_confident(PROBABILITIES, 0.5, 0.0).tolist() == [0, -1, 0, -1, -1, 1]
    assert _most_confident(PROBABILITIES, 0.26, 0.0).tolist() == [0, -1, 0, -1, -1, 1]  # rounded up
    assert _most_confident(PROBABILITIES, 0.25, 0.75).tolist() == [0, -1, -1, -1, -1, -1]  # 0.7 is not sure enough
    assert _most_confident(PROBABILITIES, 1.0, 0.0).tolist() == [0, 0, 0, 0, 1, 1]


def test_the_surest_sets_of_labels_by_hand() -> None:
    # As sure as: 0.9, 0.7, 0.6 (both labels), 0.8, 0.75 (no label), 0.95 (no label).
    probabilities = np.array([[0.9, 0.1], [0.7, 0.2], [0.6, 0.9], [0.1, 0.8], [0.25, 0.1], [0.05, 0.0]])
    none = [-1, -1]
    # Label 0 has rows 0, 1 and 2, label 1 rows 2 and 3, no label rows 4 and 5: the surest half of each, rounded up.
    assert _surest_sets(probabilities, 0.5, 0.0).tolist() == [[1, 0], [1, 0], none, [0, 1], none, [0, 0]]
    assert _surest_sets(probabilities, 0.5, 0.75).tolist() == [[1, 0], none, none, [0, 1], none, [0, 0]]
    assert _surest_sets(probabilities, 1.0, 0.0).tolist() == [[1, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0, 0]]


def test_the_share_grows_after_the_epochs_on_the_source() -> None:
    method = SelfTraining(first_share=0.25, last_share=1.0, least_probability=0.0, source_epochs=2)
    asked = []

    def predict() -> Features:
        asked.append(1)
        return Features(torch.zeros(6, 1), torch.from_numpy(PROBABILITIES).log())

    counts = []
    for epoch in range(5):
        made = method.pseudo_labels(predict, epoch, 5, multi_label=False)
        counts.append(None if made is None else int((made >= 0).sum()))
    assert counts == [None, None, 2, 5, 6]  # shares 0.25, 0.625, 1
    assert len(asked) == 3  # the model is not asked for what nobody uses
    last = SelfTraining(first_share=0.3, last_share=0.9, source_epochs=1).pseudo_labels(
        predict, 1, 2, multi_label=False
    )
    assert last is not None


def test_the_loss_is_the_mean_over_the_rows_that_have_a_label() -> None:
    source = side(torch.zeros(3, 4))
    target = side(torch.zeros(3, 4), losses=torch.tensor([2.0, 0.0, 4.0]), labelled=torch.tensor([True, False, True]))
    term = SelfTraining(weight=0.5).term(source, target, 0.5, None)
    assert term is not None
    assert (term.value.item(), term.weight) == (3.0, 0.5)
    assert term.logged == {"share": pytest.approx(2 / 3)}
    nobody = side(torch.zeros(2, 4), losses=torch.zeros(2), labelled=torch.tensor([False, False]))
    assert SelfTraining().term(source, nobody, 0.5, None) is None


def test_class_frequencies_are_for_one_label_a_text() -> None:
    SelfTraining(label_shift=True).check(tiny_model("bert"))
    SelfTraining().check(tiny_model("bert", multi_label=True))
    with pytest.raises(ConfigError, match=r"^self_training\.label_shift is for one label a text, and the model gives"):
        SelfTraining(label_shift=True).check(tiny_model("bert", multi_label=True))


def test_wrong_values_are_named_together() -> None:
    with pytest.raises(ConfigError) as caught:
        SelfTraining(weight=-1, first_share=0, last_share=2, least_probability=1, source_epochs=0)
    assert caught.value.problems == [
        "self_training.weight is -1; expected 0 or more.",
        "self_training.first_share is 0; expected 0 < share <= 1.",
        "self_training.last_share is 2; expected 0 < share <= 1.",
        "self_training.least_probability is 1; expected 0 <= value < 1.",
        "self_training.source_epochs is 0; expected 1 or more: a new head knows nothing.",
    ]
