"""The base of DANN and CDAN: a domain discriminator and reversed gradients against it.

The discriminator trains at full strength from the start; the reversed gradient grows from 0 over the run. With several
sources each is a domain of its own, so that their features are aligned, too.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import weight_problems
from nlp_transfer.models.size_limits import size_problems

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

    def __post_init__(self) -> None:
        """Check the values."""
        problems = weight_problems(self.name, self.weight) + size_problems(f"{self.name}.", vars(self))
        if not 0 < self.gamma < math.inf:
            problems.append(
                f"{self.name}.gamma is {self.gamma}; expected more than 0 (10 reaches half strength at a tenth)."
            )
        if self.hidden_size < 1:
            problems.append(f"{self.name}.hidden_size is {self.hidden_size}; expected 1 or more.")
        if not 0 < self.learning_rate < math.inf:
            problems.append(f"{self.name}.learning_rate is {self.learning_rate}; expected more than 0.")
        if problems:
            raise ConfigError(problems)

    @abstractmethod
    def discriminate(self, side: Features, strength: float, network: "nn.Module") -> "tuple[Tensor, Tensor | None]":
        """Return the discriminator's logits for a domain's rows, and the rows' weights.

        Args:
            side: the rows.
            strength: of the reversed gradient.
            network: the discriminator.

        Returns:
            Its logits, shape (batch,), or, of several sources, (batch, domains); and what each row weighs, None where
            all weigh the same.
        """

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return the discriminator's loss; the log shows its accuracy and the strength. See `AlignmentMethod.term`."""
        import torch

        from nlp_transfer.models.discriminators import (
            domain_accuracy,
            domain_ids,
            domain_loss,
            domains_accuracy,
            domains_loss,
            reversal_strength,
        )

        assert network is not None
        strength = self.weight * reversal_strength(progress, self.gamma)
        (of_source, source_weights), (of_target, target_weights) = (
            self.discriminate(side, strength, network) for side in (source, target)
        )
        if source.domains is None:
            value = domain_loss(of_source, of_target, source_weights, target_weights)
            accuracy = domain_accuracy(of_source, of_target)
        else:
            logits, domains = torch.cat([of_source, of_target]), domain_ids(source.domains, of_target)
            weights = None
            if source_weights is not None and target_weights is not None:
                weights = torch.cat([source_weights, target_weights])
            value, accuracy = domains_loss(logits, domains, weights), domains_accuracy(logits, domains)
        return Term(value, logged={"domain_accuracy": accuracy, "strength": strength})
