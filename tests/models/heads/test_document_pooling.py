"""Documents of many windows: exact gradients, pooled logits, and folders that stay plain."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from nlp_transfer.models.heads import document_pooling
from nlp_transfer.models.heads.document_pooling import WindowLogits, pool, read_windows, reads_windows, split_windows
from tests.tiny_models import FAMILIES, MORE_FAMILIES, tiny_model

WIDTH = 12


def test_windows_are_split() -> None:
    ids = torch.tensor([[7, 8, 9, 7, 6, 0], [5, 4, 0, 0, 0, 0]])
    numbers = torch.tensor([[-1, 1, 1, -2, 2, 0], [-1, -1, 0, 0, 0, 0]])
    windows, documents, counts = split_windows(ids, numbers)
    assert [window.tolist() for window in windows] == [[7, 8, 9], [7, 6], [5, 4]]
    assert documents.tolist() == [0, 0, 1]
    assert counts.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [[(1 * 10 + 4 * 30 + 2 * 20 + 3 * 40) / 100, 0.1 * 1 - 0.3 * 2 + 0.2 * 5], [6.0, 7.0]]),
        ("first_and_mean", [[(1 + 2.9) / 2, (1 + 0.5) / 2], [6.0, 7.0]]),
        ("max", [[4.0, 5.0], [6.0, 7.0]]),
        ("top_k", [[3.0, 2.0], [6.0, 7.0]]),  # (4 + 3 + 2) / 3 and (5 + 1 + 0) / 3
    ],
)
def test_pooling_by_hand(pooling: str, expected: list[list[float]]) -> None:
    values = torch.tensor([[1.0, 1.0], [4.0, -2.0], [6.0, 7.0], [2.0, 5.0], [3.0, 0.0]])
    documents, counts = torch.tensor([0, 0, 1, 0, 0]), torch.tensor([10, 30, 5, 20, 40])
    torch.testing.assert_close(pool(values, documents, counts, pooling, 2), torch.tensor(expected))


def test_a_document_without_tokens_has_the_logits_of_its_window() -> None:
    empty = pool(torch.tensor([[3.0]]), torch.tensor([0]), torch.tensor([0]), "mean", 1)
    assert empty.tolist() == [[3.0]]


def test_deciding_windows() -> None:
    logits = np.array([[3.0, 0.0], [4.0, 8.0], [2.0, -2.0], [9.0, 9.0]], dtype=np.float32)
    windows = WindowLogits(logits, [np.array([10, 20, 10]), np.array([5])])
    np.testing.assert_allclose(windows.pooled("mean"), [[(30 + 80 + 20) / 40, (160 - 20) / 40], [9, 9]], rtol=1e-6)
    np.testing.assert_allclose(windows.pooled("max"), [[4, 8], [9, 9]])
    first = windows.of(0)
    # Leads over the mean of both classes, weighted: 1.5 / 4, -2 / 2, 2 / 4.
    assert first.deciding(0, "mean") == [(2, 0.25, 0.5), (0, 0.25, 0.375), (1, 0.5, -1.0)]
    # Weighted logits: 3 / 4, 4 / 2, 2 / 4.
    assert first.deciding(0, "mean", multi_label=True) == [(1, 0.5, 2.0), (0, 0.25, 0.75), (2, 0.25, 0.5)]
    # Of the first window 1 / 2 + 1 / 8 of the weight.
    assert first.deciding(0, "first_and_mean", multi_label=True)[0] == (0, 0.625, 1.875)
    assert first.deciding(1, "max") == [(1, 1.0, 2.0)]
    assert [window for window, *_ in first.deciding(0, "top_k", multi_label=True)] == [1, 0, 2]
    assert windows.of(1).deciding(1, "mean") == [(0, 1.0, 0.0)]


def _documents(*counts: int) -> dict[str, Tensor]:
    """Make documents of so many windows of different lengths."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for count in counts:
        lengths = [WIDTH - number % 3 for number in range(count)]
        numbers = [number for number, length in enumerate(lengths, 1) for _ in range(length)]
        rows.append((torch.randint(5, 60, (sum(lengths),), generator=generator), torch.tensor(numbers)))
    ids, numbers = (nn.utils.rnn.pad_sequence(part, batch_first=True) for part in zip(*rows, strict=True))
    return {"input_ids": ids, "window_ids": numbers, "attention_mask": (numbers != 0).long()}


def _with_dropout(model: Any) -> Any:
    dropouts = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    assert dropouts
    for module in dropouts:
        module.p = 0.1
    return model.train()


def _gradients(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(3)
    model.zero_grad()
    output = model(**batch, labels=torch.arange(len(batch["input_ids"])) % 3)
    output.loss.backward()
    return output.logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("pooling", ["mean", "first_and_mean", "max", "top_k"])
@pytest.mark.parametrize("windows", [1, 2, 7, 64])
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
def test_gradients_are_those_of_the_full_graph(
    family: str, windows: int, pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = _with_dropout(tiny_model(family, scale=4.0))
    read_windows(model, pooling)
    model.tokens_at_once = 3 * WIDTH
    batch = _documents(windows, 1, 3)
    recomputed: list[int] = []
    original = document_pooling.recomputed

    def counted(read: Any, parts: int, *args: Any) -> Any:
        recomputed.append(parts)
        return original(read, parts, *args)

    def full_graph(read: Any, parts: int, *args: Any) -> Any:
        return tuple(map(torch.cat, zip(*map(read, range(parts)), strict=True)))

    monkeypatch.setattr(document_pooling, "recomputed", counted)
    logits, gradients = _gradients(model, batch)
    assert recomputed[0] >= (windows + 4) // 3
    monkeypatch.setattr(document_pooling, "recomputed", full_graph)
    expected_logits, expected = _gradients(model, batch)
    torch.testing.assert_close(logits, expected_logits, atol=1e-6, rtol=1e-6)
    assert gradients.keys() == expected.keys()
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    assert largest > 1e-3
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-6 * max(1.0, largest), rtol=1e-6)


@pytest.mark.parametrize("family", [*FAMILIES, *MORE_FAMILIES])
def test_documents_have_the_pooled_logits_of_their_windows(family: str) -> None:
    plain: Any = tiny_model(family)
    model: Any = copy.deepcopy(plain)
    read_windows(model, "mean")
    batch = _documents(4, 1)
    windows, documents, counts = split_windows(batch["input_ids"], batch["window_ids"])
    with torch.no_grad():
        rows = [plain(input_ids=ids[None], attention_mask=torch.ones_like(ids[None])).logits for ids in windows]
        expected = pool(torch.cat(rows), documents, counts, "mean", 2)
        for at_once in (None, 2 * WIDTH):
            model.tokens_at_once = at_once
            output = model(**batch, output_pooled=True)
            torch.testing.assert_close(output.logits, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            model(input_ids=batch["input_ids"][1:, :WIDTH]).logits, plain(batch["input_ids"][1:, :WIDTH]).logits
        )
    assert output.pooled.shape == (2, model.config.hidden_size)


def test_each_window_has_the_types_of_its_tokens() -> None:
    plain: Any = tiny_model("bert")
    model: Any = copy.deepcopy(plain)
    read_windows(model, "mean")
    batch = _documents(3, 1)
    types = (torch.arange(batch["input_ids"].shape[1])[None] % 5 > 2).long().expand_as(batch["input_ids"])
    windows, documents, counts = split_windows(batch["input_ids"], batch["window_ids"])
    own = types[batch["window_ids"] != 0].split([len(one) for one in windows])
    with torch.no_grad():
        rows = [
            plain(input_ids=ids[None], token_type_ids=of[None]).logits for ids, of in zip(windows, own, strict=True)
        ]
        expected = pool(torch.cat(rows), documents, counts, "mean", 2)
        model.tokens_at_once = 2 * WIDTH
        torch.testing.assert_close(model(**batch, token_type_ids=types).logits, expected, atol=1e-4, rtol=1e-4)
        assert (model(**batch).logits - expected).abs().max() > 1e-3


def test_a_folder_stays_plain(tmp_path: Path) -> None:
    model = tiny_model("bert")
    read_windows(model, "max")
    assert reads_windows(model)
    assert reads_windows(copy.deepcopy(model))
    model.save_pretrained(tmp_path)
    loaded, info = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert type(loaded).__name__ == "BertForSequenceClassification"
    assert not reads_windows(loaded)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert loaded.config.architectures == ["BertForSequenceClassification"]
