"""LP-FT: linear probing, then full fine-tuning.

First the final linear layer is fitted to its optimum on what the untouched encoder and head feed it (one pass over the
texts, no dropout; see models/linear_head.py), then everything trains from there. A random head would send large, random
gradients into the encoder and distort features that hold outside the training domain; a fitted one does not.
Reference: Kumar et al. (2022), https://arxiv.org/abs/2202.10054
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context, Method

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class LPFT(Method):
    """Fit the head on the frozen encoder, then train everything.

    Args:
        l2: strength of the penalty on the probe's weights (1 / C of scikit-learn's logistic regression).
    """

    name: ClassVar[str] = "lp_ft"

    l2: float = 10.0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.l2 <= 0:
            raise ConfigError(f"lp_ft.l2 is {self.l2}; expected more than 0.")

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Fit the final linear layer and free every weight."""
        import torch

        from nlp_transfer.models.adapters import refuse_adapter
        from nlp_transfer.models.families import final_linear, free
        from nlp_transfer.models.features import head_inputs
        from nlp_transfer.models.linear_head import fit_linear_head

        refuse_adapter(self.name, model)
        features, labels = head_inputs(model, context.train, collate=context.collate, max_tokens=context.batch_tokens)
        name, linear = final_linear(model)
        weight, bias = fit_linear_head(features, labels, context.loss, l2=self.l2, num_labels=linear.out_features)
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
            loss = context.loss(features @ weight.T + bias, labels).mean().item()
        free(model, [model])
        fresh = [p for p in context.new_parameters if not p.startswith(f"{name}.")]
        context.facts[self.name] = {
            "probe_training_loss": loss,
            # The probe sees the encoder through these; the checkpoint did not hold them, so they are random.
            "random_before_probe": fresh,
        }
        return model
