"""Labels that a method gives to target rows."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset

from nlp_transfer.errors import ConfigError
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


def shifted(validation, target):
    """Pseudo-labels with estimated frequencies, of a model with these logits."""
    method = SelfTraining(label_shift=True, first_share=1.0)
    context = SimpleNamespace(target="target", validation=validation)

    def features_of(rows, *, labelled):
        return Features(torch.zeros(1, 1), target if rows == "target" else torch.tensor(rows["logits"]))

    return attached(method.extension(), stand_in(context=context, features_of=features_of))


def test_labels_are_corrected_for_estimated_frequencies():
    # Of ten source texts of each class nine are right, with probability 0.9.
    logits = torch.tensor([[2.1972, 0.0], [0.0, 2.1972]])
    rows = {"logits": [logits[i].tolist() for i in [0] * 9 + [1] + [1] * 9 + [0]], "labels": [0] * 10 + [1] * 10}
    # .74 = .9 q + .1 (1 - q) of the target look like class 0, so q is .8; one more text prefers class 1 slightly.
    target = torch.cat([logits[:1].expand(740, 2), logits[1:].expand(260, 2), torch.tensor([[0.0, 0.5]])])
    labels = shifted(Dataset.from_dict(rows), target)
    with labels.training(), logged() as said:
        found = labels.predict()
    beginning, _, shares = said[0].partition(": estimated class frequencies of the target: ")
    assert (len(said), beginning) == (1, "self_training")
    assert [float(one) for one in shares.rstrip(".").split(", ")] == pytest.approx([0.8, 0.2], abs=0.01)
    assert found.logits.argmax(dim=1).tolist() == [0] * 740 + [1] * 260 + [0]
    assert target.argmax(dim=1).tolist() == [0] * 740 + [1] * 261


def test_a_model_at_chance_has_no_frequencies():
    rows = {"logits": [[1.0, 0.0]] * 20, "labels": [0, 1] * 10}
    target = torch.tensor([[1.0, 0.0]] * 5)
    labels = shifted(Dataset.from_dict(rows), target)
    with labels.training(), logged() as said:
        assert torch.equal(labels.predict().logits, target)
    assert said == []


def test_frequencies_need_labelled_validation_rows():
    for validation in ([], Dataset.from_dict({"input_ids": [[1]]})):
        with pytest.raises(ConfigError, match=r"^self_training\.label_shift calibrates .* there are none\."):
            shifted(validation, torch.zeros(1, 2)).training().__enter__()


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
