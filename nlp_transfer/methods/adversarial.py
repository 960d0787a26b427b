"""The base of DANN and CDAN: a domain discriminator and reversed gradients against it.

The discriminator trains at full strength from the start; the reversed gradient grows from 0 over the run. With several
sources each is a domain of its own, so that their features are aligned, too.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Adversarial(AlignmentMethod):
    """Train against a discriminator of the domains.

    Args:
        weight: strength of the reversed gradient at the end of the run.
        gamma: how fast that strength grows; 10 reaches 0.46 of it after a tenth of the run.
        hidden_size: width of the discriminator's two hidden layers.
        learning_rate: of the discriminator, which starts from nothing.
    """

    weight: float = 0.1
    gamma: float = 10.0
    hidden_size: int = 256
    learning_rate: float = 1e-3

    @abstractmethod
    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """Return the discriminator's logits, (batch,) or (batch, domains), and the rows' weights, None if all equal."""

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return the discriminator's loss; the log shows its accuracy and the strength. See `AlignmentMethod.term`."""
        import torch

        from nlp_transfer.models.discriminators import domain_accuracy, domain_ids, domain_loss, reversal_strength

        assert network is not None
        strength = self.weight * reversal_strength(progress, self.gamma)
        (of_source, source_weights), (of_target, target_weights) = (
            self.discriminate(side, strength, network) for side in (source, target)
        )
        sources = source.domains
        if sources is None:
            sources = torch.zeros(len(of_source), dtype=torch.long, device=of_source.device)
        logits, domains, weights = torch.cat([of_source, of_target]), domain_ids(sources, of_target), None
        if source_weights is not None and target_weights is not None:
            weights = torch.cat([source_weights, target_weights])
        value, accuracy = domain_loss(logits, domains, weights), domain_accuracy(logits, domains)
        return Term(value, logged={"domain_accuracy": accuracy, "strength": strength})
