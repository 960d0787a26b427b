"""DANN: features from which a discriminator cannot tell the source from the target.

    L = L_S + L_D(R(f)),    R: gradient reversal of strength weight · λ(progress)

The discriminator learns at full strength from the start; what works back on the encoder grows from 0 as λ does. Needs
unlabelled target text.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.adaptation import adversary_problems
from nlp_transfer.methods.base import Features, Method, Term

if TYPE_CHECKING:
    from torch import nn


@final
@dataclass(frozen=True)
class DANN(Method):
    """Domain-adversarial training. Goes with the method that decides which weights move.

    Args:
        weight: strength of the reversed gradient at the end of the run.
        gamma: how fast that strength grows; 10 reaches 0.46 of it after a tenth of the run.
        hidden_size: width of the discriminator's two hidden layers.
        learning_rate: of the discriminator, which starts from nothing.
    """

    name: ClassVar[str] = "dann"
    needs_target: ClassVar[bool] = True
    frees_weights: ClassVar[bool] = False

    weight: float = 0.1
    gamma: float = 10.0
    hidden_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the values."""
        if problems := adversary_problems(self.name, self.weight, self.gamma, self.hidden_size, self.learning_rate):
            raise ConfigError(problems)

    def network(self, hidden: int, classes: int) -> "tuple[nn.Module, float]":
        """The discriminator; see `Method.network`."""
        from nlp_transfer.models.discriminators import Discriminator

        return Discriminator(hidden, self.hidden_size), self.learning_rate

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
        logits = [network(reverse_gradient(side.pooled, strength)) for side in (source, target)]
        shown = {"domain_accuracy": domain_accuracy(*logits), "strength": strength}
        return Term(domain_loss(*logits), shown=shown)
