"""The base class of methods that train on target text."""

import torch

from nlp_transfer.methods import CORAL, DANN, Joint, LoRA
from nlp_transfer.methods.alignment import Features, Shapes, active_methods


def test_methods_that_act_are_those_for_a_target_with_some_weight() -> None:
    joint = Joint(source_weight_start=0.5)
    assert active_methods([LoRA(), DANN(), joint]) == [DANN(), joint]
    assert active_methods([Joint(source_weight_start=1), Joint(source_weight_start=1, source_weight_end=1)]) == []


def test_probabilities_are_of_classes_or_of_labels() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, -2.0]])
    classes = Features(torch.zeros(2, 4), logits).probabilities()
    torch.testing.assert_close(classes.sum(1), torch.ones(2))
    torch.testing.assert_close(classes[0], torch.full((3,), 1 / 3))
    labels = Features(torch.zeros(2, 4), logits, multi_label=True).probabilities()
    torch.testing.assert_close(labels, 1 / (1 + torch.exp(-logits)))


def test_a_method_has_no_network_and_no_passes_of_its_own_by_default() -> None:
    assert CORAL().network(Shapes(hidden=4, classes=2)) is None
    assert CORAL().target_passes(3.0) == 0
    CORAL().check_run(tokenizer=None, epochs=1.0)
