"""What enters the layer that makes the logits: the features whose domains are to become alike."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_transfer.models.families import logits_layer, plain_model
from nlp_transfer.training.target_rows import DOMAIN, GUESSED, PLACE


def features(plain: nn.Module, model: nn.Module, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """What enters the layer that makes the logits, (batch, hidden), and the logits, (batch, classes).

    Args:
        plain: the model, out of what wraps it for several processes.
        model: what is called.
        inputs: a batch; labels and what only the loss needs are left out.

    Returns:
        Both in float32, or float64 where the model is.
    """
    seen: list[Tensor] = []
    layer = logits_layer(plain_model(plain))
    handle = layer.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    try:
        given = {name: value for name, value in inputs.items() if name not in ("labels", DOMAIN, PLACE, GUESSED)}
        logits = model(**given)["logits"]
    finally:
        handle.remove()
    pooled, logits = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (seen[-1], logits))
    if pooled.ndim == 3:  # a head that averages the logits of all tokens, which are linear in these
        real = inputs["attention_mask"].to(pooled)
        real = functional.pad(real, (pooled.shape[1] - real.shape[1], 0), value=1.0)[..., None]  # a prompt is before it
        pooled = (pooled * real).sum(1) / real.sum(1)
    return pooled, logits
