"""Masked-language modelling on the target's texts beside the task's loss on the source.

    L = L_S + weight · L_MLM,    L_MLM: mean over the hidden tokens of the update's target texts of -log p(token)

Every update has as many target texts as source texts, in one forward pass. The head that guesses tokens is the
checkpoint's, where it has one, such as that of a domain-adaptive pretraining run, which the reference begins with;
else a new one, tied to the embeddings. It is left out of the model that is saved. Needs unlabelled target text.

Without pretraining before it does harm: a MiniLM without a head that guesses tokens, 3 epochs, seeds 0 and 1, has
accuracy 0.894 and 0.890 from books to kitchen, where the source alone gives 0.906 and 0.905, and 0.788 and 0.820 from
kitchen to dvd, where it gives 0.856 and 0.850 (on another processor; at its last checkpoint, which target_infomax
takes).
Reference: Karouzos et al. (2021), UDALM, https://aclanthology.org/2021.naacl-main.203
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Network, Shapes, Term
from nlp_transfer.methods.base import Change, Needs, weight_problems
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn


@final
@dataclass(frozen=True)
class TargetMLM(AlignmentMethod):
    """Guess hidden words of target texts while the task is learned. Goes with the method that decides what moves.

    Args:
        weight: what the loss of the hidden tokens counts.
        mask_probability: the share of a target text's tokens that is hidden.
        learning_rate: of the head that guesses them.
    """

    name: ClassVar[str] = "target_mlm"
    citation: ClassVar[str] = "Karouzos et al. (2021), UDALM, https://aclanthology.org/2021.naacl-main.203"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TARGET_TOKENS})

    weight: float = 1.0
    mask_probability: float = 0.15
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        """Check the values."""
        problems = weight_problems(self.name, self.weight)
        if not 0 < self.mask_probability < 1:
            problems.append(f"target_mlm.mask_probability is {self.mask_probability}; expected 0 < value < 1.")
        if not 0 < self.learning_rate < math.inf:
            problems.append(f"target_mlm.learning_rate is {self.learning_rate}; expected more than 0.")
        if problems:
            raise ConfigError(problems)

    def network(self, shapes: Shapes) -> Network:
        """Return the head that predicts tokens; see `AlignmentMethod.network`."""
        from nlp_transfer.models.heads.masked_lm import HiddenTokenHead

        assert shapes.masked_lm is not None and shapes.encoder is not None
        return Network(HiddenTokenHead(shapes.masked_lm(), shapes.encoder), self.learning_rate)

    def extension(self) -> Extension:
        """Return what masks tokens and adds their loss; see `Method.extension`."""
        from nlp_transfer.methods.masked_tokens import MaskedTokens

        return MaskedTokens(self.name, self.weight, self.mask_probability)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return None: the loss of the masked tokens is added in each forward pass."""
        return None
