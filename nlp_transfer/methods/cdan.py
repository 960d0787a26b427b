"""CDAN: a discriminator that sees features and predicted classes together.

    L = L_S + L_D(R(f ⊗ p)),    rows weighted by 1 + exp(-H(p))  (CDAN+E)

Conditioned on the classes, alignment keeps them apart where DANN may pull one class of the source over another of the
target; rows that the classifier is sure of count more. The probabilities are constants here: the gradient flows back
through the features. Needs unlabelled target text.
Reference: Long et al. (2018), https://arxiv.org/abs/1705.10667
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.adaptation import adversary_problems
from nlp_transfer.methods.base import Features, Method, Term

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class CDAN(Method):
    """Conditional domain-adversarial training. Goes with the method that decides which weights move.

    Args:
        weight: strength of the reversed gradient at the end of the run.
        gamma: how fast that strength grows; 10 reaches 0.46 of it after a tenth of the run.
        entropy_conditioning: whether rows that the classifier is sure of count more.
        hidden_size: width of the discriminator's two hidden layers.
        learning_rate: of the discriminator, which starts from nothing.
    """

    name: ClassVar[str] = "cdan"
    needs_target: ClassVar[bool] = True
    frees_weights: ClassVar[bool] = False

    weight: float = 0.1
    gamma: float = 10.0
    entropy_conditioning: bool = True
    hidden_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the values."""
        if problems := adversary_problems(self.name, self.weight, self.gamma, self.hidden_size, self.learning_rate):
            raise ConfigError(problems)

    def network(self, hidden: int, classes: int) -> "tuple[nn.Module, float]":
        """The discriminator; see `Method.network`."""
        from nlp_transfer.models.discriminators import ConditionalDiscriminator

        return ConditionalDiscriminator(hidden, classes, self.hidden_size), self.learning_rate

    def penalty(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """See `Method.penalty`; the log shows how often the discriminator is right, and the strength."""
        from nlp_transfer.models.discriminators import (
            domain_accuracy,
            domain_loss,
            reversal_strength,
            reverse_gradient,
        )

        assert network is not None
        strength = self.weight * reversal_strength(progress, self.gamma)
        logits, weights = [], []
        for side in (source, target):
            probabilities = side.probabilities().detach()
            logits.append(network(reverse_gradient(side.pooled, strength), probabilities))
            entropies = entropy(probabilities, multi_label=side.multi_label)
            weights.append(1 + (-entropies).exp() if self.entropy_conditioning else None)
        shown = {"domain_accuracy": domain_accuracy(*logits), "strength": strength}
        return Term(domain_loss(*logits, *weights), shown=shown)


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
