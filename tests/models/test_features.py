"""One pass gives every row's features, in the dataset's order."""

import numpy as np
import pytest
import torch

from nlp_transfer.models import features as module
from nlp_transfer.models.features import hidden_states
from nlp_transfer.models.pooling import pooled_features
from tests.tiny_models import collate, random_rows, tiny_model


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
