"""Minimum class confusion: make predictions for target texts less confused between classes.

    C = sum over texts of w_i p_i p_i^T,    p_i = softmax(z_i / temperature),    w_i = n (1 + e^-H_i) / sum (1 + e^-H)
    L = L_S + weight * (sum of C' off its diagonal) / classes,    C' = C with rows that add up to 1

w_i are larger for sure predictions, H_i is the entropy of p_i, and no gradient goes through w_i.
Reference: Jin et al. (2020), https://arxiv.org/abs/1912.03699
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class MCC(AlignmentMethod):
    """Reduce class confusion on the target. It joins a method that chooses the trainable weights.

    Args:
        weight: of the confusion.
        temperature: divides the logits, so that few predictions are certain.
    """

    name: ClassVar[str] = "mcc"
    citation: ClassVar[str] = "Jin et al. (2020), https://arxiv.org/abs/1912.03699"
    needs: ClassVar[Needs] = Needs(target_text=True, pairs=True, outputs=frozenset({Output.LOGITS}))

    weight: float = 1.0
    temperature: float = 2.5

    def __post_init__(self) -> None:
        self.check_values(temperature=(0 < self.temperature < float("inf"), "more than 0"))

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the model gives each text one of its classes."""
        if getattr(model.config, "problem_type", None) == "multi_label_classification":
            raise ConfigError("mcc is for one label a text, and the model gives several. Take another method.")

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return the confusion; see `AlignmentMethod.term`."""
        return Term(class_confusion(target.logits, self.temperature), self.weight)


def class_confusion(logits: "Tensor", temperature: float) -> "Tensor":
    """Return the mean share of other classes in the rows of the confusion matrix, a scalar.

    Args:
        logits: shape (texts, classes).

    Example:
        >>> import torch
        >>> class_confusion(torch.zeros(3, 2), temperature=1.0)
        tensor(0.5000)
    """
    logs = (logits / temperature).log_softmax(dim=1)
    probabilities = logs.exp()
    sure = 1 + (probabilities * logs).sum(dim=1).exp().detach()
    weights = len(logits) * sure / sure.sum()
    confusion = (probabilities * weights[:, None]).T @ probabilities
    return 1 - (confusion.diagonal() / confusion.sum(dim=1)).mean()
