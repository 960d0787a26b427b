"""Joint training: weight the losses of labelled source and target rows.

    L = λ * L_S + (1 - λ) * L_T

λ = 1 trains on the source only, λ = 0 on the target only. Each loss is the mean over its own rows, so that λ does not
depend on the number of labelled target rows. λ may change linearly over the run.
Reference: Ben-David et al. (2010), section 5, https://doi.org/10.1007/s10994-009-5152-4
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Change, Needs
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn


class SourceOnlyLog(Extension):
    """Log the source's loss and λ = 1 where the target is not used."""

    def log(self, logs: dict[str, float]) -> dict[str, float]:
        """Add both to training entries."""
        return {**logs, "source_loss": logs["loss"], "joint_lambda": 1.0} if "loss" in logs else logs


@final
@dataclass(frozen=True)
class Joint(AlignmentMethod):
    """Weight the losses of source and target. It joins a method that chooses the trainable weights.

    Args:
        source_weight_start: λ of the first update, from 0 to 1.
        source_weight_end: λ that it moves to, which it would have after the last; None is as at the start.
    """

    name: ClassVar[str] = "joint"
    citation: ClassVar[str] = "Ben-David et al. (2010), section 5, https://doi.org/10.1007/s10994-009-5152-4"
    needs: ClassVar[Needs] = Needs(target_text=True, target_labels=True, outputs=frozenset({Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TARGET_LABELS})

    source_weight_start: float = 0.5
    source_weight_end: float | None = None

    def __post_init__(self) -> None:
        end = self.source_weight_end
        self.check_values(
            source_weight_start=(0 <= self.source_weight_start <= 1, "0 <= λ <= 1"),
            source_weight_end=(end is None or 0 <= end <= 1, "0 <= λ <= 1"),
        )

    @property
    def active(self) -> bool:
        """Return False where λ is 1 in the whole run: it trains on the source only, dropout included."""
        return (self.source_weight_start, self.source_weight_end) not in ((1, None), (1, 1))

    def extension(self) -> Extension | None:
        """Return what logs λ in a run that trains on the source only; see `Method.extension`."""
        return None if self.active else SourceOnlyLog()

    def source_weight(self, progress: float) -> float:
        """Return λ at a share of the run."""
        end = self.source_weight_start if self.source_weight_end is None else self.source_weight_end
        return self.source_weight_start + (end - self.source_weight_start) * progress

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return (1 - λ) L_T, and λ for the source's loss; see `AlignmentMethod.term`."""
        assert target.losses is not None, "the trainer gives target rows the labels that the method needs"
        weight = self.source_weight(progress)
        return Term(target.losses.mean(), 1 - weight, source_weight=weight, logged={"lambda": weight})
