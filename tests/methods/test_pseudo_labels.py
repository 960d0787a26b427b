"""Labels that a method gives to target rows."""

from types import SimpleNamespace

import numpy as np
import torch
from datasets import Dataset

from nlp_transfer.methods import SelfTraining, SourceFree
from nlp_transfer.methods.alignment import Features, Shapes
from nlp_transfer.methods.pseudo_labels import LabelsAndFrequencies, PseudoLabels, target_frequencies
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


def test_class_frequencies_are_estimated_once_from_those_of_the_source():
    method, asked = SourceFree(), []
    network = method.network(Shapes(4, 2)).module
    probabilities = torch.tensor([[0.9, 0.1]] * 7 + [[0.2, 0.8]] * 3)

    def features_of(rows, *, labelled):
        asked.append(labelled)
        return Features(torch.ones(10, 2), probabilities.log() / len(asked))

    model = SimpleNamespace(config=SimpleNamespace(nlp_transfer={"class_frequencies": [0.25, 0.75]}))
    accelerator = SimpleNamespace(unwrap_model=lambda one: one)
    trainer = stand_in(
        context=SimpleNamespace(target=None),
        networks={"source_free": network},
        features_of=features_of,
        accelerator=accelerator,
        model=model,
    )
    labels = attached(LabelsAndFrequencies(method, method.pseudo_labels), trainer)
    for _ in range(2):
        labels.predict()
    assert asked == [False, False]
    expected = target_frequencies(probabilities.double().numpy(), [0.25, 0.75])
    np.testing.assert_allclose(network.get_buffer("frequencies").numpy(), expected, atol=1e-5)


def test_target_frequencies_by_hand():
    sure = np.repeat(np.eye(2), [8, 2], axis=0)
    # Half a text more of each class: 8.5 and 2.5 of 11.
    np.testing.assert_allclose(target_frequencies(sure), [8.5 / 11, 2.5 / 11])
    unsure = np.repeat([[0.8, 0.2]], 1000, axis=0)
    # Of equal classes at the source, every text is more likely of the first; of (.8, .2) the text says nothing.
    assert target_frequencies(unsure)[0] > 0.99
    np.testing.assert_allclose(target_frequencies(unsure, [0.8, 0.2]), [0.8, 0.2], atol=1e-3)
    np.testing.assert_allclose(target_frequencies(sure, [0.5, 0.3, 0.2]), target_frequencies(sure))  # other classes
    assert target_frequencies(sure, [1.0, 0.0])[1] > 0.2
