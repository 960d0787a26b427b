"""A network is written with free axes and left as it was; what no graph can hold is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.onnx.export import OPSET, quantize, refuse_network, write_graph
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from tests.tiny_models import tiny_model


def batch(rows: int, tokens: int) -> dict[str, torch.Tensor]:
    ids = torch.arange(rows * tokens).view(rows, tokens) % 20 + 5
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def test_a_graph_gives_the_logits_of_other_batches(tmp_path: Path) -> None:
    model = tiny_model("bert")
    write_graph(model, batch(2, 6), tmp_path / "model.onnx")
    assert model.config._attn_implementation == "sdpa"
    graph = onnx.load(tmp_path / "model.onnx")
    assert {one.domain: one.version for one in graph.opset_import}[""] == OPSET
    assert b"stack_trace" not in (tmp_path / "model.onnx").read_bytes()
    with torch.no_grad():
        expected = model(**batch(3, 9)).logits.numpy()
    found = OnnxNetwork(tmp_path / "model.onnx").logits(batch(3, 9))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    quantize(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    rounded = OnnxNetwork(tmp_path / "int8.onnx").logits(batch(3, 9))
    assert 0 < np.abs(rounded - expected).max() < 0.3 * np.abs(expected).max()


def test_a_bigbird_with_blocks_of_attention() -> None:
    model = tiny_model("big_bird")
    model.config.attention_type = "block_sparse"
    longest = (5 + 2 * model.config.num_random_blocks) * model.config.block_size
    with pytest.raises(
        ConfigError, match=rf"texts of more than {longest} tokens attend to random blocks.*may have 500"
    ):
        refuse_network(model, 500)
    refuse_network(model, longest)


def test_a_longformer() -> None:
    with pytest.raises(ConfigError, match=r"^Longformer cannot be exported: which code its attention runs depends on"):
        refuse_network(tiny_model("longformer"), 10)
