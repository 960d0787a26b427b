"""A folded head makes the logits of a linear classifier on the pooled features, in plain transformers."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from nlp_transfer.models.activation_cache.features import hidden_states
from nlp_transfer.models.heads.pooling import (
    PassThrough,
    available_layers,
    available_poolings,
    fold_head,
    pooled_features,
    use_full_attention,
)
from tests.tiny_models import FAMILIES, LAYERS, MORE_FAMILIES, collate, random_rows, tiny_config, tiny_model

ALL = [*FAMILIES, *MORE_FAMILIES]
CLS_ONLY = ["albert", "deberta", "mpnet"]
CASES = [
    (family, pooling) for family in ALL for pooling in ("mean", "cls") if pooling == "cls" or family not in CLS_ONLY
]


@pytest.mark.parametrize("family", ALL)
def test_available(family: str) -> None:
    model = tiny_model(family)
    assert available_poolings(model) == (("cls",) if family in CLS_ONLY else ("mean", "cls"))
    assert list(available_layers(model)) == [1, 2, 3]


@pytest.mark.parametrize(("family", "pooling"), CASES)
def test_folded_logits(family: str, pooling: str, tmp_path: Path) -> None:
    rows = random_rows(12)
    model = tiny_model(family)
    use_full_attention(model)
    # Small batches of like length: other padding than in the one batch below.
    encoded = hidden_states(
        model, rows, collate=collate, max_tokens=60, layers=list(range(1, LAYERS + 1)), poolings=[pooling]
    )
    generator = torch.Generator().manual_seed(0)
    for layer in range(1, LAYERS + 1):
        features = torch.from_numpy(encoded.features[layer, pooling])
        weight, bias = torch.randn(3, 32, generator=generator), torch.randn(3, generator=generator)
        expected = features @ weight.T + bias
        assert expected.std(dim=0).min() > 0.05, "features that are all alike would test nothing"

        folded = tiny_model(family)
        use_full_attention(folded)
        fold_head(folded, layer, pooling, weight, bias)
        folded.save_pretrained(tmp_path / str(layer))
        reloaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / str(layer))
        batch = collate(list(rows))
        batch.pop("labels")
        with torch.no_grad():
            for candidate in (folded.eval(), reloaded.eval()):
                torch.testing.assert_close(candidate(**batch).logits, expected, atol=1e-4, rtol=1e-4)
            for row in (0, 5):
                ids = torch.tensor([rows[row]["input_ids"]])
                alone = reloaded(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
                torch.testing.assert_close(alone[0], expected[row], atol=1e-4, rtol=1e-4)


def test_layers_above_are_dropped_and_one_that_averages_is_added() -> None:
    model = tiny_model("bert")
    fold_head(model, 1, "mean", torch.zeros(3, 32), torch.zeros(3))
    assert model.config.num_hidden_layers == len(model.bert.encoder.layer) == 2
    model = tiny_model("bert")
    fold_head(model, 1, "cls", torch.zeros(3, 32), torch.zeros(3))
    assert model.config.num_hidden_layers == len(model.bert.encoder.layer) == 1
    model = tiny_model("modernbert")
    fold_head(model, 2, "mean", torch.zeros(3, 32), torch.zeros(3))
    assert model.config.num_hidden_layers == len(model.model.layers) == len(model.config.layer_types) == 2
    assert model.config.classifier_pooling == "mean"


def test_mean_is_the_standardised_mean_of_real_tokens() -> None:
    # One row, three tokens of which the last is padding: the mean of (2, …) and (4, …) is 3 + pattern.
    model = tiny_model("roberta")
    pattern = torch.linspace(-1, 1, 32)
    state = torch.stack([2 + pattern, 4 + pattern, torch.full((32,), 1e3)]).unsqueeze(0)
    mask = torch.tensor([[1, 1, 0]])
    features = pooled_features(model, (state, state, state, state), mask, 2, "mean")
    standardised = (pattern - pattern.mean()) / pattern.std(correction=0)
    expected = torch.tanh(0.05 * standardised) / 0.05
    # The first token's state weighs a thousandth.
    torch.testing.assert_close(features[0], expected, atol=2e-3, rtol=2e-3)
    cls = pooled_features(model, (state, state, state, state), mask, 2, "cls")
    torch.testing.assert_close(cls[0], torch.tanh(0.05 * (2 + pattern)) / 0.05, atol=1e-5, rtol=1e-5)


def test_pass_through_by_hand() -> None:
    relu = PassThrough(torch.relu, 1.0, 20.0)
    torch.testing.assert_close(relu(torch.tensor([-3.0, 0.0, 5.0, -30.0])), torch.tensor([-3.0, 0.0, 5.0, -20.0]))
    tanh = PassThrough(torch.tanh, 0.05, 0.0)
    torch.testing.assert_close(tanh(torch.tensor([1.0])), torch.tensor([0.99916750]))  # tanh(0.05) / 0.05


def test_albert_with_groups_is_read_at_its_last_layer_only() -> None:
    config = tiny_config("albert")
    config.num_hidden_groups = 3
    model = AutoModelForSequenceClassification.from_config(config)
    assert list(available_layers(model)) == [3]


def test_big_bird_is_fixed_to_full_attention() -> None:
    config = tiny_config("big_bird")
    config.attention_type = "block_sparse"
    model = AutoModelForSequenceClassification.from_config(config)
    use_full_attention(model)
    assert model.config.attention_type == model.bert.attention_type == "original_full"
