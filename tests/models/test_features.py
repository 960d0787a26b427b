"""One pass gives every row's features, in the dataset's order."""

import numpy as np
import pytest
import torch

from nlp_transfer.models import features as module
from nlp_transfer.models.families import final_linear
from nlp_transfer.models.features import head_inputs, hidden_states
from nlp_transfer.models.pooling import pooled_features
from tests.tiny_models import collate, random_rows, tiny_config, tiny_model


def test_rows_keep_their_order_and_every_row_is_seen_once() -> None:
    model, rows = tiny_model("bert"), random_rows(17)
    seen: list[int] = []

    def counting(batch: list[dict]) -> dict[str, torch.Tensor]:
        seen.append(len(batch))
        made = collate(batch)
        assert made["input_ids"].numel() <= 80
        return made

    encoded = hidden_states(model, rows, collate=counting, max_tokens=80, layers=[1, 3], poolings=["mean", "cls"])
    assert sum(seen) == 17
    assert set(encoded.features) == {(1, "mean"), (1, "cls"), (3, "mean"), (3, "cls")}
    assert encoded.labels.tolist() == list(rows["labels"])
    for row in (0, 9, 16):
        batch = collate([rows[row]])
        with torch.no_grad():
            output = model(batch["input_ids"], batch["attention_mask"], output_hidden_states=True)
            for (layer, pooling), values in encoded.features.items():
                alone = pooled_features(model, output.hidden_states, batch["attention_mask"], layer, pooling)
                np.testing.assert_allclose(values[row], alone[0].numpy(), atol=1e-5)
    assert all(values.dtype == np.float32 and values.shape == (17, 32) for values in encoded.features.values())


def test_large_features_live_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = tiny_model("bert"), random_rows(9)
    expected = hidden_states(model, rows, collate=collate, max_tokens=80, layers=[2], poolings=["mean"])
    monkeypatch.setattr(module, "MEMORY_BYTES", 100)
    mapped = hidden_states(model, rows, collate=collate, max_tokens=80, layers=[2], poolings=["mean"])
    assert isinstance(mapped.features[2, "mean"], np.memmap)
    np.testing.assert_array_equal(mapped.features[2, "mean"], expected.features[2, "mean"])


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2", "modernbert"])
def test_head_inputs_make_the_logits(family: str) -> None:
    model, rows = tiny_model(family), random_rows(11)
    model.train()  # dropout is off in the pass all the same
    features, labels = head_inputs(model, rows, collate=collate, max_tokens=80)
    assert model.training
    assert labels.tolist() == list(rows["labels"])
    _, linear = final_linear(model)
    assert not linear._forward_pre_hooks
    batch = collate(list(rows))
    batch.pop("labels")
    with torch.no_grad():
        expected = model.eval()(**batch).logits
        torch.testing.assert_close(linear(features), expected, atol=1e-5, rtol=1e-5)


def test_head_inputs_where_the_logits_of_all_tokens_are_averaged() -> None:
    model, rows = tiny_model("eurobert"), random_rows(7)
    assert tiny_config("eurobert").classifier_pooling == "late"
    features, _ = head_inputs(model, rows, collate=collate, max_tokens=60)
    assert features.shape == (7, 32)
    batch = collate(list(rows))
    batch.pop("labels")
    with torch.no_grad():
        torch.testing.assert_close(model.classifier(features), model(**batch).logits, atol=1e-5, rtol=1e-5)
