"""CDAN: a discriminator that sees features and predicted classes together.

    L = L_S + L_D(R(f ⊗ p)),    rows weighted by 1 + exp(-H(p))  (CDAN+E)

Conditioned on the classes, alignment keeps them apart where DANN may pull one class of the source over another of the
target; rows that the classifier is sure of count more. The probabilities are constants here: the gradient flows back
through the features. Needs unlabelled target text.

A MiniLM, 3 epochs, seeds 0 and 1: accuracy 0.866 and 0.855 from kitchen to dvd, where the source alone gives 0.856 and
0.850; 0.911 and 0.910 from books to kitchen, where it gives 0.906 and 0.905 (on another processor; at its last
checkpoint, which target_infomax takes).
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
    """Conditional domain-adversarial training. Goes with the method that decides which weights move.

    Other fields: see `Adversarial`.

    Args:
        entropy_conditioning: whether rows that the classifier is sure of count more.
    """

    name: ClassVar[str] = "cdan"
    citation: ClassVar[str] = "Long et al. (2018), https://arxiv.org/abs/1705.10667"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.POOLED, Output.LOGITS}))

    entropy_conditioning: bool = True

    def network(self, shapes: Shapes) -> Network:
        """The discriminator; see `Method.network`."""
        from nlp_transfer.models.discriminators import ConditionalDiscriminator

        module = ConditionalDiscriminator(shapes.hidden, shapes.classes, self.hidden_size, shapes.sources)
        return Network(module, self.learning_rate)

    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """By features and predicted classes; see `Adversarial.judge`."""
        from nlp_transfer.models.discriminators import reverse_gradient

        probabilities = side.probabilities().detach()
        logits = network(reverse_gradient(side.pooled, strength), probabilities)
        if not self.entropy_conditioning:
            return logits, None
        return logits, 1 + (-entropy(probabilities, multi_label=side.multi_label)).exp()


def entropy(probabilities: "Tensor", *, multi_label: bool) -> "Tensor":
    """Entropy of each row in nats, shape (batch,): of its class, or the mean over labels of that of yes and no.

    Args:
        probabilities: shape (batch, classes).
        multi_label: whether rows sum to 1 (False) or each column is a probability of its own.
    """
    import torch

    if not multi_label:
        return torch.special.entr(probabilities).sum(-1)
    return (torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)).mean(-1)
