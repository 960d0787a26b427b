"""Run a network by ONNX Runtime: the same tensors in, the same logits out, without PyTorch's layers.

A graph is data, but its large tensors may lie in files that it names; what leads out of its folder is not opened.
Reference: https://onnxruntime.ai/docs/api/python
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlp_transfer.errors import CheckpointError, ConfigError

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
"""The packages of the extra `export`, which write, check and run graphs."""


def require_packages() -> None:
    """Raise `ConfigError` for missing packages of the extra `export`."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"ONNX needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            "pip install 'nlp_transfer[export]'"
        )


class OnnxNetwork:
    """Compute the graph of a file on the CPU, in as many threads as PyTorch has; refuse what no export wrote."""

    device = torch.device("cpu")

    def __init__(self, file: Path) -> None:
        require_packages()
        import onnxruntime

        _check_graph(file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors; its warnings are of graphs that it rewrites
        try:
            self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises a dozen kinds, none of which is public
            raise CheckpointError(_torn(file, error)) from error
        self._file = file
        self.inputs = [one.name for one in self._session.get_inputs()]
        wrong = [one for one in self._session.get_inputs() if INPUTS.get(one.name) != one.type]
        if wrong:
            raise CheckpointError(
                f"{file} has an input {wrong[0].name!r} of {wrong[0].type}; expected {', '.join(_OF_TOKENS)} of "
                f"int64 or {PIXEL_VALUES} of float. Export the model again with scripts/export.py."
            )

    def check_outputs(self, classes: int) -> None:
        """Check that a row has one logit for each class; raises CheckpointError."""
        shape = next(one.shape for one in self._session.get_outputs() if one.name == LOGITS)
        if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != classes):
            raise CheckpointError(
                f"{self._file} gives logits of the shape {shape}, and config.json names {classes} labels (id2label); "
                f"expected (rows, {classes}). Export the model again with scripts/export.py."
            )

    def logits(self, inputs: Mapping[str, Tensor]) -> np.ndarray:
        """Return float32 logits of a batch; inputs that the graph does not read are left out."""
        given = {name: tensor.numpy() for name, tensor in inputs.items() if name in self.inputs}
        try:
            found: Any = self._session.run([LOGITS], given)[0]
        except Exception as error:  # the library raises a dozen kinds, none of which is public
            raise CheckpointError(_torn(self._file, error)) from error
        return np.asarray(found, dtype=np.float32)


_OF_TOKENS = ("input_ids", "attention_mask", "token_type_ids", "markers", "numbers")
PIXEL_VALUES = "pixel_values"

INPUTS = {**dict.fromkeys(_OF_TOKENS, "tensor(int64)"), PIXEL_VALUES: "tensor(float)"}
"""The inputs that a graph may read, and their types."""

LOGITS = "logits"
"""The name of a graph's output."""


def _check_graph(file: Path) -> None:
    """Check a graph without its tensors; raises CheckpointError."""
    import onnx
    from onnx.external_data_helper import uses_external_data

    try:
        model = onnx.load(file, load_external_data=False)
    except Exception as error:  # protobuf's own, and the system's
        raise CheckpointError(_torn(file, error)) from error
    if LOGITS not in [one.name for one in model.graph.output]:
        raise CheckpointError(
            f"{file} has no output {LOGITS!r}; it has {', '.join(one.name for one in model.graph.output) or 'none'}. "
            "Expected a graph that scripts/export.py wrote."
        )
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            place = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
            if place != external_name(file):
                raise CheckpointError(
                    f"{file}: its tensor {tensor.name!r} lies in {place!r}; expected {external_name(file)!r} next to "
                    "it. Nothing of it was loaded. Export the model again with scripts/export.py."
                )


def external_name(file: Path) -> str:
    """Return the name of the file with the tensors of a large graph."""
    return f"{file.name}.data"


def _torn(file: Path, error: Exception) -> str:
    return (
        f"{file} cannot be loaded by ONNX Runtime ({' '.join(str(error).split())[:200]}). Copy it anew from where it "
        "was made, or export the model again with scripts/export.py."
    )
