"""DANN: features from which a discriminator cannot tell the source from the target.

    L = L_S + L_D(R(f)),    R: gradient reversal of strength weight · λ(progress)

The discriminator learns at full strength from the start; what works back on the encoder grows from 0 as λ does. Needs
unlabelled target text.

A MiniLM, 3 epochs, seeds 0 and 1: accuracy 0.915 and 0.907 from books to kitchen, where the source alone gives 0.906
and 0.905; from kitchen to dvd 0.866 and 0.862, where it gives 0.856 and 0.850 (on another processor; at its last
checkpoint, which target_infomax takes).
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
    """Domain-adversarial training. Goes with the method that decides which weights move.

    Fields: see `Adversarial`.
    """

    name: ClassVar[str] = "dann"
    citation: ClassVar[str] = "Ganin et al. (2016), https://arxiv.org/abs/1505.07818"

    def network(self, shapes: Shapes) -> Network:
        """The discriminator; see `Method.network`."""
        from nlp_transfer.models.discriminators import Discriminator

        return Network(Discriminator(shapes.hidden, self.hidden_size, shapes.sources), self.learning_rate)

    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """By the features alone; see `Adversarial.judge`."""
        from nlp_transfer.models.discriminators import reverse_gradient

        return network(reverse_gradient(side.pooled, strength)), None
