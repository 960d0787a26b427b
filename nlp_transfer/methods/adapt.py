"""Adapt to unlabelled target text by the combination that did best on review domains: `coral` and `mean_teacher`.

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

    # As measured: a step compares rows with one another, and the source's accuracy takes checkpoints that adapt less.
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
        _TEACH.check_run(tokenizer, epochs)

    def extension(self) -> Extension:
        """Return what keeps the teacher; see `Method.extension`."""
        return _TEACH.extension()

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the sum of both terms; None where there is neither. See `AlignmentMethod.term`."""
        made = {one.name: one.term(source, target, progress, None) for one in (_ALIGN, _TEACH)}
        terms = {name: term for name, term in made.items() if term is not None}
        if not terms:
            return None
        first, *others = (term.weight * term.value for term in terms.values())
        return Term(sum(others, first), self.weight, logged={name: term.value.item() for name, term in terms.items()})
