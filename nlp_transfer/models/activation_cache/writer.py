"""Compute the states that leave a layer, once for each text, and store them (models/activation_cache/store.py).

Batches hold texts of one length, so that there is no padding, and a text's states do not depend on its neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from nlp_transfer.models.activation_cache.digests import UniqueTexts
from nlp_transfer.models.activation_cache.entry import STORED_TYPES, entry_bytes
from nlp_transfer.models.activation_cache.store import ActivationStore
from nlp_transfer.models.families import encoder_layers
from nlp_transfer.progress import stage_bar

Precision = Callable[[], AbstractContextManager[Any]]
"""Makes the context of the computation, such as autocast."""


@torch.no_grad()
def capture(
    model: PreTrainedModel, inputs: dict[str, Tensor], layers: Sequence[int], precision: Precision = nullcontext
) -> dict[int, Tensor]:
    """Return the states that leave each of `layers` (from 1), shape (batch, tokens, hidden).

    Nothing above them is computed. The batch has no padding.
    """
    states: dict[int, Tensor] = {}

    def note(layer: int, module: nn.Module, args: Any, output: Any) -> None:
        state = output[0] if isinstance(output, tuple) else output
        states[layer] = state[:, : inputs["input_ids"].shape[1]]  # Longformer adds tokens to whole windows
        if len(states) == len(layers):
            raise _ReachedError

    modes = [(module, module.training) for module in model.modules()]
    with ExitStack() as stack:
        for layer in layers:
            handle = encoder_layers(model)[layer - 1].register_forward_hook(partial(note, layer))
            stack.callback(handle.remove)
        model.eval()
        try:
            with precision():
                model(**inputs)
        except _ReachedError:
            pass
        finally:
            for module, training in modes:
                module.training = training
    return states


class _ReachedError(Exception):
    """Signal that the last requested layer was computed."""


def write_states(
    model: PreTrainedModel,
    texts: UniqueTexts,
    store: ActivationStore,
    keys: dict[int, str],
    *,
    max_tokens: int,
    precision: Precision = nullcontext,
    quiet: bool = False,
) -> None:
    """Compute the states of every text in one pass, and store them under a key for each requested layer."""
    layers, count, total = list(keys), len(texts.digests), int(texts.lengths.sum())
    first = capture(model, _batch(texts, [int(texts.lengths.argmin())], model.device), layers, precision)
    store.check_fits(sum(entry_bytes(count, total, s.shape[-1], type_name(s)) for s in first.values()))
    with ExitStack() as stack:
        writers = {
            layer: stack.enter_context(
                store.writing(keys[layer], texts.digests, texts.lengths, states.shape[-1], type_name(states))
            )
            for layer, states in first.items()
        }
        progress = stack.enter_context(stage_bar("Encoding", total, unit="tokens", quiet=quiet))
        for chosen in _equal_lengths(texts, max_tokens):
            states = capture(model, _batch(texts, chosen, model.device), layers, precision)
            for layer, writer in writers.items():
                values = to_numpy(states[layer])
                for place, text in enumerate(chosen):
                    writer.put(text, values[place])
            progress.update(int(texts.lengths[chosen].sum()))


def _equal_lengths(texts: UniqueTexts, max_tokens: int) -> Iterator[list[int]]:
    """Yield batches of texts of one length, the longest first; those with token types are separate."""
    order = np.lexsort((~texts.typed, -texts.lengths)).tolist()
    for (length, _), group in groupby(order, lambda text: (int(texts.lengths[text]), bool(texts.typed[text]))):
        alike, rows = list(group), max(1, max_tokens // length)
        yield from (alike[start : start + rows] for start in range(0, len(alike), rows))


def _batch(texts: UniqueTexts, chosen: list[int], device: torch.device) -> dict[str, Tensor]:
    """Return texts of one length as a batch without padding."""
    ids, types = zip(*(texts.read(text) for text in chosen), strict=True)
    batch = {"input_ids": torch.from_numpy(np.stack(ids).astype(np.int64)).to(device)}
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    if types[0] is not None:
        batch["token_type_ids"] = torch.from_numpy(np.stack(types).astype(np.int64)).to(device)
    return batch


def layers_return_tuples(model: PreTrainedModel, texts: UniqueTexts) -> bool:
    """Return True if a layer returns its states in a tuple of one; raise `ValueError` if it holds more."""
    outputs: list[Any] = []
    handle = encoder_layers(model)[0].register_forward_hook(lambda module, args, output: outputs.append(output))
    try:
        capture(model, _batch(texts, [int(texts.lengths.argmin())], model.device), [1])
    finally:
        handle.remove()
    if isinstance(outputs[0], tuple) and len(outputs[0]) != 1:
        raise ValueError(f"a layer of this network returns {len(outputs[0])} values")
    return isinstance(outputs[0], tuple)


def type_name(states: Tensor) -> str:
    """Return the store's name of a tensor's type; unknown types are stored as float32."""
    name = str(states.dtype).removeprefix("torch.")
    return name if name in STORED_TYPES else "float32"


def to_numpy(states: Tensor) -> np.ndarray:
    """Return a tensor in the store's form."""
    states = states.detach().to(getattr(torch, type_name(states))).cpu().contiguous()
    return (states.view(torch.uint16) if states.dtype == torch.bfloat16 else states).numpy()


def from_numpy(values: np.ndarray, dtype: str) -> Tensor:
    """Return a stored array as a tensor."""
    states = torch.from_numpy(values)
    return states.view(torch.bfloat16) if dtype == "bfloat16" else states
