"""A graph gives the logits of its network; graphs of other inputs or without logits are refused."""

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.onnx.export import OPSET
from nlp_transfer.models.onnx.runtime import OnnxNetwork


def small_graph(file: Path, *, name: str = "input_ids", kind: int = onnx.TensorProto.INT64, columns: int = 3) -> Path:
    """A graph whose logits are its input, as float32."""
    given = onnx.helper.make_tensor_value_info(name, kind, ["rows", columns])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["rows", columns])
    cast = onnx.helper.make_node("Cast", [name], ["logits"], to=onnx.TensorProto.FLOAT)
    graph = onnx.helper.make_graph([cast], "small", [given], [logits])
    opset = onnx.helper.make_opsetid("", OPSET)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), file)
    return file


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"name": "position_ids"}, "an input 'position_ids' of tensor(int64)"),
        ({"kind": onnx.TensorProto.FLOAT}, "an input 'input_ids' of tensor(float)"),
    ],
)
def test_a_graph_of_other_inputs(tmp_path: Path, given: dict[str, Any], found: str) -> None:
    file = small_graph(tmp_path / "model.onnx", **given)
    with pytest.raises(CheckpointError) as caught:
        OnnxNetwork(file)
    assert str(caught.value) == (
        f"{file} has {found}; expected input_ids, attention_mask, token_type_ids, markers, numbers of int64 or pixel_values of float. Export "
        "the model again with scripts/export.py."
    )


def test_a_graph_that_fails_when_it_is_run(tmp_path: Path) -> None:
    network = OnnxNetwork(small_graph(tmp_path / "model.onnx"))
    assert network.logits({"input_ids": torch.tensor([[1, 2, 3]])}).tolist() == [[1.0, 2.0, 3.0]]
    with pytest.raises(CheckpointError, match=r"model\.onnx cannot be loaded by ONNX Runtime \(.*input_ids.*\)\. Copy"):
        network.logits({"input_ids": torch.tensor([[1, 2]])})


def test_the_number_of_classes_is_checked(tmp_path: Path) -> None:
    network = OnnxNetwork(small_graph(tmp_path / "model.onnx"))
    network.check_outputs(3)
    with pytest.raises(CheckpointError, match=r"logits of the shape \['rows', 3\], and config\.json names 2 labels"):
        network.check_outputs(2)
