"""Masked-language modelling on target texts, together with the task on the source.

    L = L_S + weight * L_MLM,    L_MLM = - mean over the masked tokens of the step's target texts of log p(token)

The masked-language-modelling head is the checkpoint's, where it has one; else a new one, tied to the embeddings. It
works best after domain-adaptive pretraining, with which the reference begins.
Reference: Karouzos et al. (2021), UDALM, https://aclanthology.org/2021.naacl-main.203
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Network, Shapes, Term
from nlp_transfer.methods.base import Change, Needs
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn


@final
@dataclass(frozen=True)
class TargetMLM(AlignmentMethod):
    """Predict masked tokens of target texts. It joins a method that chooses the trainable weights.

    Args:
        weight: the factor of the masked tokens' loss.
        mask_probability: the share of a target text's tokens that is masked.
        learning_rate: the rate of the masked-language-modelling head.
    """

    name: ClassVar[str] = "target_mlm"
    citation: ClassVar[str] = "Karouzos et al. (2021), UDALM, https://aclanthology.org/2021.naacl-main.203"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.TOKENS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TARGET_TOKENS})

    weight: float = 1.0
    mask_probability: float = 0.15
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        self.check_values(mask_probability=(0 < self.mask_probability < 1, "0 < value < 1"))

    @property
    def masks_tokens(self) -> bool:
        """Return True."""
        return True

    def check_run(self, tokenizer: Any, epochs: float) -> None:
        """Check that the tokenizer has a mask token; see `AlignmentMethod.check_run`."""
        from nlp_transfer.methods.masked_tokens import masks_for

        masks_for(self.name, tokenizer, self.mask_probability)

    def network(self, shapes: Shapes) -> Network:
        """Return the head that predicts tokens; see `AlignmentMethod.network`."""
        from nlp_transfer.models.heads.masked_lm import HiddenTokenHead

        if shapes.masked_lm is None or shapes.encoder is None:
            raise ConfigError("The context has no masked-language model. Pass one: Context(…, masked_lm=…).")
        return Network(HiddenTokenHead(shapes.masked_lm(), shapes.encoder), self.learning_rate)

    def extension(self) -> Extension:
        """Return what masks tokens and adds their loss; see `Method.extension`."""
        from nlp_transfer.methods.masked_tokens import MaskedTokens

        return MaskedTokens(self.name, self.weight, self.mask_probability)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return None: the loss of the masked tokens is added in each forward pass."""
        return None
