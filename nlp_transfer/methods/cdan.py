"""CDAN: train against a discriminator that reads features and predicted classes together.

    L = L_S + L_D(R(f ⊗ p)),    rows weighted by 1 + exp(-H(p))  (CDAN+E)

Conditioning on the classes keeps them apart, where DANN may align a source class with another target class. Rows with
confident predictions count more. The probabilities are constants: the gradient flows through the features only.
Reference: Long et al. (2018), https://arxiv.org/abs/1705.10667
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.adversarial import Adversarial
from nlp_transfer.methods.alignment import Features, Network, Shapes
from nlp_transfer.methods.base import Needs
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class CDAN(Adversarial):
    """Align features and predicted classes by a discriminator. It joins a method that chooses the trainable weights.

    Other fields: see `Adversarial`.

    Args:
        entropy_conditioning: whether rows that the classifier is sure of count more.
    """

    name: ClassVar[str] = "cdan"
    citation: ClassVar[str] = "Long et al. (2018), https://arxiv.org/abs/1705.10667"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.POOLED, Output.LOGITS}))

    entropy_conditioning: bool = True

    def network(self, shapes: Shapes) -> Network:
        """Return the discriminator; see `AlignmentMethod.network`."""
        from nlp_transfer.models.discriminators import ConditionalDiscriminator

        module = ConditionalDiscriminator(shapes.hidden, shapes.classes, self.hidden_size, shapes.sources)
        return Network(module, self.learning_rate)

    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """Discriminate by features and predicted classes; see `Adversarial.discriminate`."""
        from nlp_transfer.models.discriminators import reverse_gradient

        probabilities = side.probabilities().detach()
        logits = network(reverse_gradient(side.pooled, strength), probabilities)
        if not self.entropy_conditioning:
            return logits, None
        return logits, 1 + (-entropy(probabilities, multi_label=side.multi_label)).exp()


def entropy(probabilities: "Tensor", *, multi_label: bool) -> "Tensor":
    """Return the entropy of each row in nats, shape (batch,); of several labels the mean of their yes-or-no entropies.

    Example:
        >>> import torch
        >>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), multi_label=False)
        tensor([0.6931, 0.0000])
    """
    import torch

    if not multi_label:
        return torch.special.entr(probabilities).sum(-1)
    return (torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)).mean(-1)
