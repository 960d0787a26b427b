"""Probe a network that tags tokens: heads are fitted on tokens, and scored by their macro-F1."""

from dataclasses import replace
from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.context import Context

if TYPE_CHECKING:
    from torch import Tensor


def token_context(name: str, context: Context) -> Context:
    """Return the context of a probe on tokens; raise ConfigError without validation rows.

    Args:
        name: of the method, for messages.
    """
    from nlp_transfer.models.activation_cache.token_features import limited_rows

    if not len(context.validation):
        raise ConfigError(
            f"{name} chooses a layer and a penalty for tags on validation rows, and there are none. Give "
            "source.split.validation above 0, or take full_fine_tuning."
        )
    train, validation = limited_rows(context.train), limited_rows(context.validation)
    return replace(context, train=train, validation=validation, loss=_losses, score=_macro_f1, activations=None)


def _losses(logits: "Tensor", labels: "Tensor") -> "Tensor":
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits, labels, reduction="none")


def _macro_f1(logits: "Tensor", labels: "Tensor") -> float:
    from nlp_transfer.metrics.table import classification_metrics

    names = [str(tag) for tag in range(logits.shape[1])]
    made = logits.argmax(dim=1).numpy()
    return float(classification_metrics(made, labels.numpy(), names, multi_label=False, interval=False)["macro_f1"])
