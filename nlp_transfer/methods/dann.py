"""DANN: train features from which a discriminator cannot tell the domains apart.

    L = L_S + L_D(R(f)),    R: gradient reversal of strength weight * λ(progress)

The discriminator trains at full strength from the start; the reversed gradient grows from 0 as λ does.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.adversarial import Adversarial
from nlp_transfer.methods.alignment import Features, Network, Shapes

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class DANN(Adversarial):
    """Align features by a discriminator. It joins a method that chooses the trainable weights.

    Fields: see `Adversarial`.
    """

    name: ClassVar[str] = "dann"
    citation: ClassVar[str] = "Ganin et al. (2016), https://arxiv.org/abs/1505.07818"

    def network(self, shapes: Shapes) -> Network:
        """Return the discriminator; see `AlignmentMethod.network`."""
        from nlp_transfer.models.discriminators import Discriminator

        return Network(Discriminator(shapes.hidden, self.hidden_size, shapes.sources), self.learning_rate)

    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """Discriminate by the features only; see `Adversarial.discriminate`."""
        from nlp_transfer.models.discriminators import reverse_gradient

        return network(reverse_gradient(side.pooled, strength)), None
