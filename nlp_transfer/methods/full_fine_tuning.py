"""Full fine-tuning: train every weight of encoder and head.

With `layer_decay` below 1 lower layers take smaller steps; `head_learning_rate` lets the new head take larger ones
(`learning_rates.py`), which helps most with few texts.
Reference: Devlin et al. (2019), https://arxiv.org/abs/1810.04805
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.base import Change, Method
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.learning_rates import check_head, rate_groups

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class FullFineTuning(Method):
    """Train everything.

    Args:
        layer_decay: factor on the learning rate for each layer further down; 1 is the same rate everywhere.
        head_learning_rate: of the head and the pooler before it; null is the run's.

    Example:
        >>> trainer = TransferTrainer(model, arguments, train_dataset=rows, methods=[FullFineTuning(layer_decay=0.9)])
        >>> trainer.get_num_trainable_parameters()
        29555
    """

    name: ClassVar[str] = "full_fine_tuning"
    citation: ClassVar[str] = "Devlin et al. (2019), https://arxiv.org/abs/1810.04805"
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})

    layer_decay: float = 1.0
    head_learning_rate: float | None = None

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the family is known, that there is no adapter, and that a head with a rate exists."""
        from nlp_transfer.models.adapters import check_adapter_conflict
        from nlp_transfer.models.families import family

        check_adapter_conflict(self.name, model)
        family(model)
        check_head(self.name, self.head_learning_rate, model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Free every weight that the logits depend on."""
        from nlp_transfer.models.families import train_only

        train_only(model, [model])
        return model

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """Yield the groups of `rate_groups`."""
        return rate_groups(model, learning_rate, self.layer_decay, self.head_learning_rate)
