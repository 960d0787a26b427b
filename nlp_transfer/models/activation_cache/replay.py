"""Skip frozen layers: the states that enter the first trained layer come from the store.

    texts -> [embeddings, layers 1 … k: frozen, computed once a text] -> states -> layers k+1 …, head: every step

`StoredStates` replaces the embeddings before the lowest layer by a batch's stored states, and the frozen layers pass
them on. Texts are identified by their tokens (models/activation_cache/digests.py), so that any sampler and any number
of processes works. A batch with an unknown text is computed in full.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from torch import Tensor, nn
from transformers import PreTrainedModel

from nlp_transfer.models.activation_cache.digests import DIGEST, TEXT_COLUMNS, text_digest
from nlp_transfer.models.activation_cache.entry import Entry
from nlp_transfer.models.activation_cache.writer import from_numpy
from nlp_transfer.models.families import encoder_layers, family


def replay_problem(model: PreTrainedModel) -> str | None:
    """Return the reason why a plain model must be computed from its embeddings on; None if it can use the store."""
    kind, attention = model.config.model_type, str(model.config._attn_implementation)
    if family(model).only_whole:
        return f"a {kind} encoder cannot start above its embeddings: {family(model).only_whole}"
    if "flash" in attention:
        return f"attention {attention!r} packs the states of a batch in a way of its own"
    return None


class StoredStates:
    """Feed stored states into a model.

    Args:
        entries: the entry with the states that leave a layer (from 1), by layer.
        returns_tuple: a layer of this network returns its states in a tuple (`layers_return_tuples`).
    """

    def __init__(self, model: PreTrainedModel, entries: dict[int, Entry], *, returns_tuple: bool) -> None:
        self.model = model
        self.entries = entries
        self.layers = max(entries)
        """Number of lowest layers to skip; without an entry for it, none is skipped."""
        self._returns_tuple = returns_tuple
        self._found: np.ndarray | None = None

    def look_up(
        self, input_ids: Tensor | None, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> np.ndarray | None:
        """Return the places of a batch's texts, (batch, tokens), padded at their end; None unless all are stored."""
        entry = self.entries.get(self.layers)
        shapes = [given.ndim for given in (input_ids, attention_mask) if given is not None]
        if entry is None or input_ids is None or shapes != [2] * len(shapes):
            return None
        ids = input_ids.cpu().numpy()
        mask = np.ones(ids.shape, bool) if attention_mask is None else attention_mask.cpu().numpy() != 0
        lengths = mask.sum(axis=1)
        if not bool((mask == (np.arange(ids.shape[1]) < lengths[:, None])).all()):
            return None
        types = None if token_type_ids is None else token_type_ids.cpu().numpy()
        digests = [
            text_digest(row[:length], None if types is None else types[number, :length])
            for number, (row, length) in enumerate(zip(ids, lengths, strict=True))
        ]
        return entry.find(np.array(digests, dtype=DIGEST))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let the model start from stored states where it can."""
        layers = list(encoder_layers(self.model))
        with ExitStack() as stack:
            base: nn.Module = self.model.base_model
            stack.callback(base.register_forward_pre_hook(self._note_batch, with_kwargs=True).remove)
            # First of all hooks: who takes padding out, takes it out of the stored states.
            stack.callback(layers[0].register_forward_pre_hook(self._put_states, prepend=True).remove)
            for index, layer in enumerate(layers[: max(self.entries)]):
                before = layer.__dict__.get("forward")
                layer.forward = self._passing(index, layer.forward)
                stack.callback(_restore, layer, before)
            try:
                yield
            finally:
                self._found = None

    def _note_batch(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Look up the batch before the encoder; requested inner states are computed."""
        given = {**dict(zip(TEXT_COLUMNS, args, strict=False)), **kwargs}
        config: Any = module.config
        wanted = ("output_hidden_states", "output_attentions")
        inside = any(given.get(name) or getattr(config, name, False) for name in wanted)
        own = any(given.get(name) is not None for name in ("inputs_embeds", "position_ids"))
        self._found = None if inside or own else self.look_up(*(given.get(name) for name in TEXT_COLUMNS))

    def _put_states(self, layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Replace the input of the lowest layer."""
        if self._found is None:
            return None
        states = padded_states(self.entries[self.layers], self._found, args[0])
        # Reentrant activation checkpointing makes gradients only for layers whose input wants one.
        return (states.requires_grad_(args[0].requires_grad), *args[1:])

    def _passing(self, index: int, forward: Callable[..., Any]) -> Callable[..., Any]:
        def pass_on(states: Tensor, *args: Any, **kwargs: Any) -> Any:
            if self._found is None or index >= self.layers:
                return forward(states, *args, **kwargs)
            return (states,) if self._returns_tuple else states

        return pass_on


def padded_states(entry: Entry, places: np.ndarray, like: Tensor) -> Tensor:
    """Return the states of a batch's texts, followed by zeros, in the shape and on the device of the layer's input."""
    rows, width, hidden = like.shape
    starts, ends = entry.starts[places], entry.starts[places + 1]
    if rows != len(places) or width < int((ends - starts).max()) or hidden != entry.values.shape[1]:
        raise ValueError(
            f"The lowest layer is given states of shape {tuple(like.shape)} for {len(places)} texts of up to "
            f"{int((ends - starts).max())} tokens and width {entry.values.shape[1]}."
        )
    states = np.zeros((rows, width, hidden), dtype=entry.values.dtype)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        states[row, : end - start] = entry.values[start:end]
    return from_numpy(states, entry.dtype).to(like.device)


def _restore(layer: nn.Module, forward: Any) -> None:
    if forward is None:
        del layer.__dict__["forward"]
    else:
        layer.__dict__["forward"] = forward
