"""Write a network as an ONNX graph: float32 by PyTorch's exporter, int8 by ONNX Runtime's dynamic quantization.

Attention is written in its plain form, softmax(q kᵀ + mask) v, which ONNX Runtime computes faster. In the int8 graph
states are rounded by their range in a batch: a row's logits depend a little on the other rows.
Reference: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.families import FAMILIES, unknown_family_error
from nlp_transfer.models.image_family import reads_images
from nlp_transfer.models.onnx.runtime import LOGITS, PIXEL_VALUES, external_name

OPSET = 18
"""The version of ONNX's operators that graphs use."""

LARGEST_FILE_BYTES = 1_900_000_000
"""Size from which weights go to a file of their own; the graph's format ends at 2 GiB."""

_AXES = {
    "input_ids": "tokens",
    "attention_mask": "tokens",
    "token_type_ids": "tokens",
    "markers": "sentences",
    "numbers": "sentences",
    PIXEL_VALUES: None,
}
"""The name of the second axis of an input, None if it is fixed; the first is that of rows."""


def refuse_network(model: PreTrainedModel, max_length: int) -> None:
    """Raise `ConfigError` for a network that cannot be exported for texts of up to `max_length` tokens."""
    kind = str(model.config.model_type)
    if kind not in FAMILIES and not reads_images(model):
        raise ConfigError(unknown_family_error(kind))
    if kind == "longformer":
        raise ConfigError(
            "Longformer cannot be exported: which code its attention runs depends on the tokens, and a graph holds one "
            "way only. Predict with PyTorch, or train a ModernBERT, which reads long texts and can be exported."
        )
    if kind == "big_bird" and model.config.attention_type == "block_sparse":
        longest = (5 + 2 * model.config.num_random_blocks) * model.config.block_size
        if max_length > longest:
            raise ConfigError(
                f"This BigBird cannot be exported: texts of more than {longest} tokens attend to random blocks, "
                f"and its texts may have {max_length}. Predict with PyTorch, or train with task.max_length {longest}."
            )


def write_graph(model: PreTrainedModel, batch: Mapping[str, Tensor], file: Path) -> None:
    """Write a network in float32, without the exporter's notes, which hold paths of this machine.

    Args:
        model: float32, on the CPU, in evaluation mode; see `refuse_network`.
        batch: an example of a collator with at least two rows and two of all that varies.
    """
    inputs = [name for name in _AXES if name in batch]
    free = torch.export.Dim.DYNAMIC
    bytes_ = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    try:
        with _plain_attention(model), _silent():
            torch.onnx.export(
                _Logits(model, inputs),
                tuple(batch[name] for name in inputs),
                str(file),
                input_names=inputs,
                output_names=[LOGITS],
                dynamic_shapes=(tuple({0: free, 1: free} if _AXES[name] else {0: free} for name in inputs),),
                opset_version=OPSET,
                dynamo=True,
                external_data=bytes_ > LARGEST_FILE_BYTES,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many kinds, each with pages of advice to its developers
        reason, kind = " ".join(str(error).split())[:200] or type(error).__name__, model.config.model_type
        raise ConfigError(
            f"PyTorch {torch.__version__} cannot export this {kind} ({reason}). Predict with PyTorch."
        ) from error
    import onnx

    graph = onnx.load(file, load_external_data=False)
    _strip_notes(graph)
    onnx.save(graph, file)


def _strip_notes(message: Any) -> None:
    """Clear the free text of a graph and all its parts, such as the stack trace of each node."""
    for field, value in message.ListFields():
        if field.name in ("metadata_props", "doc_string"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                _strip_notes(part)


def quantize(graph: Path, file: Path) -> None:
    """Write a graph of `write_graph` with int8 weights to a new file."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _silent():
        quantize_dynamic(
            graph,
            file,
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=graph.with_name(external_name(graph)).is_file(),
        )


class _Logits(nn.Module):
    """Wrap a network with positional inputs and only logits as output."""

    def __init__(self, model: PreTrainedModel, inputs: list[str]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.model(**dict(zip(self.inputs, tensors, strict=True))).logits  # type: ignore[no-any-return]


@contextmanager
def _plain_attention(model: PreTrainedModel) -> Iterator[None]:
    before = model.config._attn_implementation
    blocks = getattr(model.config, "attention_type", None) == "block_sparse"
    base: Any = model.base_model
    model.set_attn_implementation("eager")
    if blocks:
        base.set_attention_type("original_full")
    try:
        yield
    finally:
        if blocks:
            base.set_attention_type("block_sparse")
        model.set_attn_implementation(before)


@contextmanager
def _silent() -> Iterator[None]:
    """Silence the exporters, whose notes are for their developers."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)
