"""One pass gives every row's features, in the dataset's order."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_transfer.models.activation_cache import features as module
from nlp_transfer.models.activation_cache.features import hidden_states
from nlp_transfer.models.activation_cache.store import ActivationStore
from nlp_transfer.models.heads.pooling import pooled_features
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
    monkeypatch.setattr(module, "MAX_MEMORY_BYTES", 100)
    mapped = hidden_states(model, rows, collate=collate, max_tokens=80, layers=[2], poolings=["mean"])
    assert isinstance(mapped.features[2, "mean"], np.memmap)
    np.testing.assert_array_equal(mapped.features[2, "mean"], expected.features[2, "mean"])


@pytest.fixture
def store(tmp_path: Path) -> ActivationStore:
    return ActivationStore(10**6, tmp_path / "activations", setting="the.limit")


def encode(model: torch.nn.Module, rows: object, **options: object) -> module.EncodedRows:
    wanted = {"collate": collate, "max_tokens": 80, "layers": [1, 3], "poolings": ["mean", "cls"]}
    return hidden_states(model, rows, **{**wanted, **options})


def test_what_is_in_the_store_is_not_computed_again(store: ActivationStore) -> None:
    model, rows = tiny_model("bert"), random_rows(17)
    plain, first = encode(model, rows), encode(model, rows, store=store)
    passes: list[int] = []
    model.bert.embeddings.register_forward_hook(lambda *_: passes.append(1))
    order = list(range(16, -1, -1))
    for found, places in (
        (encode(model, rows, store=store), range(17)),
        (encode(model, rows.select(order), store=store), order),
    ):
        for key, values in plain.features.items():
            np.testing.assert_array_equal(first.features[key], values)
            np.testing.assert_array_equal(found.features[key], values[list(places)])
        assert found.labels.tolist() == plain.labels[list(places)].tolist()
        assert (found.computed, found.not_stored) == (0, None)
        assert found.stored_bytes == first.stored_bytes == 4 * 17 * 32 * 4
    assert passes == []
    assert (first.computed, plain.computed, plain.stored_bytes) == (4, 4, 0)


def test_only_what_is_missing_is_computed_and_repeated_texts_are_kept_once(store: ActivationStore) -> None:
    model, rows = tiny_model("distilbert"), random_rows(6)
    rows = rows.select([0, 1, 2, 3, 4, 5, 0, 1])
    encode(model, rows, store=store, layers=[2], poolings=["cls"])
    both = encode(model, rows, store=store, layers=[1, 2], poolings=["cls"])
    assert both.computed == 1
    assert both.stored_bytes == 2 * 6 * 32 * 4
    plain = encode(model, rows, layers=[1, 2], poolings=["cls"])
    assert list(both.features) == list(plain.features)
    for key, values in plain.features.items():
        np.testing.assert_allclose(both.features[key], values, atol=1e-5)


def test_other_weights_rows_and_heads(store: ActivationStore) -> None:
    def computed(seed: int = 0, rows: object = None, head: float = 0.0) -> int:
        model = tiny_model("bert", seed=seed)
        with torch.no_grad():
            model.classifier.weight.add_(head)
            model.bert.pooler.dense.weight.add_(head)
        return encode(model, rows or random_rows(5), store=store).computed

    assert [computed(), computed(), computed(head=1.0)] == [4, 0, 0]
    assert [computed(seed=1), computed(rows=random_rows(5, seed=4))] == [4, 4]


def test_what_does_not_fit_is_computed_and_said(store: ActivationStore) -> None:
    store.limit_bytes = 100
    found = encode(tiny_model("bert"), random_rows(5), store=store)
    assert found.not_stored == "it would take 4.9 kB, more than the 100 bytes that the.limit allows"
    assert (found.computed, found.stored_bytes) == (4, 0)
    padded = [
        {**row, "input_ids": [1, *row["input_ids"]], "attention_mask": [0, *row["attention_mask"]]}
        for row in random_rows(3)
    ]
    left = encode(tiny_model("bert"), padded, store=store)
    assert left.not_stored == "Row 0 is padded before its end."
