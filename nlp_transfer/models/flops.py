"""How many floating-point operations a network needs for some texts, from the network itself; padding is not counted.

A weight matrix of n entries takes, for each token that it is applied to,

    2 n   forward
    2 n   for its own gradient, where it trains
    2 n   for the gradient of its input, where something below it trains

so that a network of N such weights takes 6 N a token when all of it trains, about 4 N under LoRA and 2 N when it is
frozen or only predicts; below the lowest trained layer it is 2 N whatever is above. Attention adds 2 · 2 · L · d a
token and layer forward (scores, and the average of the values; L tokens in the text, d the hidden size), and twice that
backward. Embedding tables, norms and activations are no matrix products and are left out.

Which matrices are applied to each token and which once a text (a pooler, a head), and what must be differentiated, is
seen in one forward pass over a few tokens. Attention is taken as full: encoders with windows (Longformer, ModernBERT's
local layers) may do less of it.
Reference: Kaplan et al. (2020), section 2.1, https://arxiv.org/abs/2001.08361
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nlp_transfer.models.families import encoder_layers, is_encoder_decoder, plain_model

_TOKENS = 8
"""Tokens of the text that is run to see what is applied to each token."""


@dataclass
class _Work:
    """Operations of a part of the network.

    Args:
        token: for each token, apart from attention.
        text: once a text; of an encoder-decoder, for each token that is written.
        attention: for each token and each token of its text.
    """

    token: int = 0
    text: int = 0
    attention: int = 0

    def of(self, lengths: Iterable[int], written: Iterable[int] | None) -> int:
        """The operations for texts of these lengths, in tokens, and for what is written of them."""
        known = list(lengths)
        times = len(known) if written is None else sum(written)
        return sum(length * (self.token + length * self.attention) for length in known) + times * self.text


def forward_flops(model: nn.Module, lengths: Iterable[int], written: Iterable[int] | None = None) -> int:
    """Operations to predict texts.

    Args:
        model: a network of a known family, or an adapter around one.
        lengths: real tokens of each text.
        written: of an encoder-decoder, tokens that are written of each; its attention to them is not counted.

    Raises:
        ConfigError: the model's family is not known.
    """
    return _seen(model)[0].of(lengths, written)


def training_flops(model: nn.Module, lengths: Iterable[int], written: Iterable[int] | None = None) -> int:
    """Operations to train on texts once, forward and backward. What trains is what `requires_grad` says.

    Args:
        model: a network of a known family, or an adapter around one.
        lengths: real tokens of each text.
        written: of an encoder-decoder, tokens that are written of each; its attention to them is not counted.

    Raises:
        ConfigError: the model's family is not known.
    """
    forward, backward = _seen(model)
    known = list(lengths)
    tokens = None if written is None else list(written)
    return forward.of(known, tokens) + backward.of(known, tokens)


def _seen(model: nn.Module) -> tuple[_Work, _Work]:
    """The work of the forward and of the backward pass, as a small forward pass shows it; it leaves no trace."""
    plain = plain_model(model)
    forward, backward = _Work(), _Work()
    width = int(getattr(plain.config, "encoder", plain.config).hidden_size)
    hooks = [
        module.register_forward_pre_hook(_linear_hook(forward, backward))
        for module in model.modules()
        if isinstance(module, nn.Linear)
    ]
    hooks += [
        layer.register_forward_pre_hook(_layer_hook(width, forward, backward), with_kwargs=True)
        for layer in encoder_layers(plain)
    ]
    modes = {module: module.training for module in model.modules()}
    embeddings: Any = plain.get_input_embeddings()
    ids = torch.full((1, _TOKENS), embeddings.num_embeddings - 1, device=plain.device)
    written = {"decoder_input_ids": ids[:, :1]} if is_encoder_decoder(plain) else {}
    try:
        model.eval()  # without dropout no random number is drawn
        with torch.enable_grad():
            model(input_ids=ids, attention_mask=torch.ones_like(ids), **written)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return forward, backward


def _linear_hook(forward: _Work, backward: _Work) -> Callable[..., None]:
    def count(module: nn.Linear, inputs: tuple[Tensor, ...]) -> None:
        product = 2 * module.weight.numel()
        differentiated = int(module.weight.requires_grad) + int(inputs[0].requires_grad)
        kind = "token" if inputs[0].numel() >= _TOKENS * module.in_features else "text"
        for work, times in ((forward, 1), (backward, differentiated)):
            setattr(work, kind, getattr(work, kind) + times * product)

    return count


def _layer_hook(hidden_size: int, forward: _Work, backward: _Work) -> Callable[..., None]:
    def count(layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        products = 2 * 2 * hidden_size
        forward.attention += products
        given = (*inputs, *named.values())
        if any(isinstance(one, Tensor) and one.requires_grad for one in given) or any(
            parameter.requires_grad for parameter in layer.parameters()
        ):
            backward.attention += 2 * products

    return count
