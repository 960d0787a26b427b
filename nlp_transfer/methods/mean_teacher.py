"""Mean teacher: agree with a moving average of the model on target texts.

    L = L_S + weight * r * mean over texts of c_i * CE(t_i, p_i)
    r = exp(-5 (1 - min(1, progress / ramp_up))^2),    c_i = (classes * max t_i - 1) / (classes - 1)

t_i are class probabilities by an exponential moving average of the model's weights, the teacher, which reads the text
as it is; p_i are the model's own, with dropout, of the text with some tokens masked. Texts of which the teacher is sure
count more. With several labels a text, each label is a choice of two classes, and the mean runs over labels, too.
The reference has squared differences without confidences, a teacher with dropout, and keeps the teacher; here the model
is kept, which is as accurate (configs/README.md).
Reference: Tarvainen & Valpola (2017), https://arxiv.org/abs/1703.01780
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class MeanTeacher(AlignmentMethod):
    """Agree with a moving average of the model. It joins a method that chooses the trainable weights.

    Args:
        weight: of the disagreement, at its full strength.
        decay: what the average keeps of itself in each optimizer step; the first steps keep less.
        ramp_up: share of the run after which the disagreement has its full strength.
        mask_probability: share of a text's tokens that is masked for the model; 0 leaves texts as they are.
    """

    name: ClassVar[str] = "mean_teacher"
    citation: ClassVar[str] = "Tarvainen & Valpola (2017), https://arxiv.org/abs/1703.01780"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.TOKENS, Output.LOGITS}))

    weight: float = 1.0
    decay: float = 0.95
    ramp_up: float = 0.4
    mask_probability: float = 0.15

    def __post_init__(self) -> None:
        self.check_values(
            decay=(0 <= self.decay < 1, "0 <= decay < 1"),
            ramp_up=(0 <= self.ramp_up <= 1, "0 <= share <= 1"),
            mask_probability=(0 <= self.mask_probability < 1, "0 <= value < 1"),
        )

    @property
    def masks_tokens(self) -> bool:
        """Return whether tokens are masked."""
        return self.mask_probability > 0

    def check_run(self, tokenizer: Any, epochs: float) -> None:
        """Check that the tokenizer has a mask token, if tokens are masked; see `AlignmentMethod.check_run`."""
        from nlp_transfer.methods.masked_tokens import masks_for

        if self.mask_probability:
            masks_for(self.name, tokenizer, self.mask_probability)

    def extension(self) -> Extension:
        """Return what keeps the teacher, and asks it about target rows; see `Method.extension`."""
        from nlp_transfer.methods.moving_average import Teacher

        return Teacher(self.name, self.decay, self.mask_probability)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the disagreement; None for a model without a teacher. See `AlignmentMethod.term`."""
        if target.teacher is None:
            return None
        disagreement, confidence = disagreement_with(target.teacher, target.logits, multi_label=target.multi_label)
        return Term(disagreement, self.weight * self.strength(progress), logged={"confidence": confidence.item()})

    def strength(self, progress: float) -> float:
        """Return the factor r at a share of the run.

        Example:
            >>> round(MeanTeacher(ramp_up=0.5).strength(0.25), 4)
            0.2865
        """
        done = min(1.0, progress / self.ramp_up) if self.ramp_up else 1.0
        return math.exp(-5 * (1 - done) ** 2)


def disagreement_with(teacher: "Tensor", logits: "Tensor", *, multi_label: bool) -> tuple["Tensor", "Tensor"]:
    """Return the cross-entropy with a teacher's probabilities, weighted by its confidence, and the mean confidence.

    Args:
        teacher: the teacher's logits, shape (texts, classes); no gradient goes through them.
        logits: of the same shape.
        multi_label: whether each logit is a label of its own.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[0.9, 0.1]]).log()
        >>> loss, confidence = disagreement_with(teacher, torch.zeros(1, 2), multi_label=False)
        >>> round(loss.item(), 4), round(confidence.item(), 1)
        (0.5545, 0.8)
    """
    from torch.nn.functional import logsigmoid

    teacher = teacher.detach().to(logits)
    if multi_label:
        taught = teacher.sigmoid()
        confidence = (2 * taught - 1).abs()
        losses = -(taught * logsigmoid(logits) + (1 - taught) * logsigmoid(-logits))
    else:
        taught, classes = teacher.softmax(dim=1), logits.shape[1]
        confidence = (classes * taught.amax(dim=1) - 1) / (classes - 1)
        losses = -(taught * logits.log_softmax(dim=1)).sum(dim=1)
    return (confidence * losses).mean(), confidence.mean()
