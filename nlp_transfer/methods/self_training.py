"""Self-training: train on the most confident predictions of the model for target texts.

    L = L_S + weight * (mean loss of the step's target rows that have a pseudo-label)

At the start of each epoch the current model labels all target texts. Of each predicted class the most confident share
keeps its label, so that easy classes are not preferred; the share grows over the run. With several labels a text, a
text keeps all of them or none, and is ranked by the least confident of its yes-or-no decisions. With `label_shift`
predictions are first calibrated on source validation and corrected for the class frequencies that are estimated for the
target (metrics/label_shift.py).
Reference: Zou et al. (2018), class-balanced self-training, https://arxiv.org/abs/1810.07911
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Change, Needs
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class SelfTraining(AlignmentMethod):
    """Train on pseudo-labels of target texts. It joins a method that chooses the trainable weights.

    Args:
        weight: of the pseudo-labelled rows' loss.
        first_share: share of each predicted class's texts that keep their label when self-training begins.
        last_share: the same at the end of the run.
        least_probability: a text whose predicted class (of several labels: the least sure decision) is less probable
            never keeps its label.
        source_epochs: epochs on the source alone before.
        label_shift: correct predictions for the target's class frequencies, estimated at the start of each epoch. Only
            where they differ from the source's: the estimate takes a model's errors on the target for a shift.
    """

    name: ClassVar[str] = "self_training"
    citation: ClassVar[str] = "Zou et al. (2018), class-balanced self-training, https://arxiv.org/abs/1810.07911"
    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TARGET_LABELS})

    weight: float = 1.0
    first_share: float = 0.2
    last_share: float = 0.5
    least_probability: float = 0.0
    source_epochs: int = 1
    label_shift: bool = False

    def __post_init__(self) -> None:
        self.check_values(
            first_share=(0 < self.first_share <= 1, "0 < share <= 1"),
            last_share=(0 < self.last_share <= 1, "0 < share <= 1"),
            least_probability=(0 <= self.least_probability < 1, "0 <= value < 1"),
            source_epochs=(self.source_epochs >= 1, "1 or more: a new head knows nothing"),
        )

    @property
    def needs_validation(self) -> tuple[str, ...]:
        """Return `label_shift`, if it is on: predictions are calibrated."""
        return ("label_shift",) if self.label_shift else ()

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the model gives each text one of its classes, if frequencies are estimated."""
        if self.label_shift and getattr(model.config, "problem_type", None) == "multi_label_classification":
            raise ConfigError(
                "self_training.label_shift is for one label a text, and the model gives several. Leave it out."
            )

    def pseudo_labels(
        self, predict: Callable[[], Features], epoch: int, epochs: float, *, multi_label: bool
    ) -> np.ndarray | None:
        """Return labels for target rows at the start of an epoch, -1 for none; None where no row gets any.

        They are class ids, shape (rows,), or 0 and 1, shape (rows, labels), where a text may have several.
        `predict` computes the model's features and logits of all target rows.
        """
        if epoch < self.source_epochs:
            return None
        done = (epoch - self.source_epochs) / max(1, math.ceil(epochs) - 1 - self.source_epochs)
        share = self.first_share + (self.last_share - self.first_share) * min(1.0, done)
        choose = _surest_sets if multi_label else _most_confident
        return choose(np.asarray(predict().probabilities().cpu()), share, self.least_probability)

    def check_run(self, tokenizer: Any, epochs: float) -> None:
        """Check that the run has epochs with pseudo-labels; see `AlignmentMethod.check_run`."""
        if self.source_epochs >= epochs:
            raise ConfigError(
                f"self_training.source_epochs is {self.source_epochs} and training.num_train_epochs {epochs:g}, so no "
                "pseudo-label would be given. Train longer."
            )

    def target_passes(self, epochs: float) -> int:
        """Return the number of epochs with pseudo-labels."""
        return max(0, math.ceil(epochs) - self.source_epochs)

    def extension(self) -> Extension:
        """Return what labels target rows at the start of each epoch; see `Method.extension`."""
        from nlp_transfer.methods.pseudo_labels import PseudoLabels, ShiftedLabels

        return (ShiftedLabels if self.label_shift else PseudoLabels)(self, self.pseudo_labels)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the mean loss of pseudo-labelled rows; None for a step without any. See `AlignmentMethod.term`."""
        if target.losses is None or target.labelled is None or not bool(target.labelled.any()):
            return None
        share = target.labelled.float().mean().item()
        return Term(target.losses[target.labelled].mean(), self.weight, logged={"share": share})


def _most_confident(probabilities: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return the predicted class of the most confident share of each class's rows, int64, shape (rows,), else -1."""
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    labels = np.full(len(predicted), -1, dtype=np.int64)
    for label in np.unique(predicted):
        rows = np.flatnonzero(predicted == label)
        kept = rows[np.argsort(-sure[rows], kind="stable")[: math.ceil(share * len(rows))]]
        labels[kept[sure[kept] >= least]] = label
    return labels


def _surest_sets(probabilities: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return 0 or 1 for each label of the rows that keep their labels, int64, shape (rows, labels), else -1."""
    given = probabilities >= 0.5
    sure = np.maximum(probabilities, 1 - probabilities).min(axis=1)
    labels = np.full(probabilities.shape, -1, dtype=np.int64)
    for group in (*given.T, ~given.any(axis=1)):
        rows = np.flatnonzero(group)
        kept = rows[np.argsort(-sure[rows], kind="stable")[: math.ceil(share * len(rows))]]
        kept = kept[sure[kept] >= least]
        labels[kept] = given[kept]
    return labels
