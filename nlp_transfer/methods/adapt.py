"""Adapt to unlabelled target text by `coral` and `mean_teacher` together.

    L = L_S + weight * (100 L_coral + r L_mean_teacher)

Covariances of source and target features are aligned, and the model agrees with a moving average of itself on target
texts. Both have the defaults of their own methods.
Reference: Sun & Saenko (2016), https://arxiv.org/abs/1607.01719; Tarvainen & Valpola (2017), https://arxiv.org/abs/1703.01780
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.coral import CORAL
from nlp_transfer.methods.extension import Extension
from nlp_transfer.methods.mean_teacher import MeanTeacher

if TYPE_CHECKING:
    from torch import nn

_ALIGN, _TEACH = CORAL(), MeanTeacher()


@final
@dataclass(frozen=True)
class Adapt(AlignmentMethod):
    """Adapt to target text without choosing how. It joins a method that chooses the trainable weights.

    Args:
        weight: the factor of both terms.

    Example:
        >>> data = {"train_dataset": rows, "target_dataset": target_rows, "processing_class": tokenizer}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[FullFineTuning(), Adapt()])
        >>> trainer.train().global_step
        16
    """

    name: ClassVar[str] = "adapt"
    citation: ClassVar[str] = f"{CORAL.citation}; {MeanTeacher.citation}"
    needs: ClassVar[Needs] = Needs(
        target_text=True, pairs=True, outputs=CORAL.needs.outputs | MeanTeacher.needs.outputs
    )

    contains: ClassVar[tuple[str, ...]] = (CORAL.name, MeanTeacher.name)
    # A step compares rows with one another; the source's accuracy chose earlier, worse checkpoints (configs/README.md).
    run_defaults: ClassVar[Mapping[str, Any]] = {
        "per_device_train_batch_size": 32,
        "metric_for_best_model": "target_infomax",
    }

    weight: float = 1.0

    @property
    def masks_tokens(self) -> bool:
        """Return True."""
        return _TEACH.masks_tokens

    def check_run(self, tokenizer: Any, epochs: float) -> None:
        """Check that the tokenizer has a mask token; see `AlignmentMethod.check_run`."""
        from nlp_transfer.methods.masked_tokens import masks_for

        masks_for(self.name, tokenizer, _TEACH.mask_probability)

    def extension(self) -> Extension:
        """Return what keeps the teacher; see `Method.extension`."""
        from nlp_transfer.methods.moving_average import Teacher

        return Teacher(self.name, _TEACH.decay, _TEACH.mask_probability)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the sum of both terms; None where there is neither. See `AlignmentMethod.term`."""
        made = {one.name: one.term(source, target, progress, None) for one in (_ALIGN, _TEACH)}
        parts = {name: term.weight * term.value for name, term in made.items() if term is not None}
        if not parts:
            return None
        first, *others = parts.values()
        logged = {name: part.item() for name, part in parts.items()}
        return Term(sum(others, first), self.weight, logged=logged)
