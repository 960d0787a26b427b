"""Labels that a method gives to target rows."""

from types import SimpleNamespace

import torch
from datasets import Dataset

from nlp_transfer.methods import SelfTraining, SourceFree
from nlp_transfer.methods.alignment import Features, Shapes
from nlp_transfer.methods.pseudo_labels import LabelsAndFrequencies, PseudoLabels
from tests.logged import logged
from tests.training.stand_in import attached, stand_in


def test_pseudo_labels_join_the_batch_and_are_made_once_an_epoch(monkeypatch):
    context = SimpleNamespace(train=Dataset.from_dict({"labels": [0]}))
    method = SelfTraining(first_share=1.0, last_share=1.0)
    labels = attached(PseudoLabels(method, method.pseudo_labels), stand_in(context=context))
    logits = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
    monkeypatch.setattr(labels, "predict", lambda: Features(torch.zeros(3, 1), logits))
    labels.begin_epoch(0)
    assert labels.labels is None
    with logged() as said:
        labels.begin_epoch(1)
    assert said == ["self_training: 3 of 3 target texts have a pseudo-label in epoch 2."]
    batch = {"input_ids": torch.zeros(2, 3, dtype=torch.long)}
    labels.prepare_target(batch, [2, 1], [7, 8])
    assert batch["labels"].tolist() == [0, 1]
    again = attached(PseudoLabels(method, method.pseudo_labels), stand_in(context=context))
    again.load_state_dict(labels.state_dict())
    with logged() as said:
        again.begin_epoch(1)  # which the checkpoint's labels are of
    assert again.labels.tolist() == [0, 1, 0] and said == []


def test_class_frequencies_are_measured_once():
    method, asked = SourceFree(), []
    network = method.network(Shapes(4, 2)).module

    def features_of(rows, *, labelled):
        asked.append(labelled)
        return Features(torch.eye(2), torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log() * len(asked))

    trainer = stand_in(context=SimpleNamespace(target=None), networks={"source_free": network}, features_of=features_of)
    labels = attached(LabelsAndFrequencies(method, method.pseudo_labels), trainer)
    for _ in range(2):
        labels.predict()
    assert asked == [False, False]
    torch.testing.assert_close(network.get_buffer("frequencies"), torch.tensor([0.7, 0.3]))
