"""Full fine-tuning: every weight of the encoder and the head trains.

With `layer_decay` below 1 lower layers take smaller steps (see layer_decay.py).
Reference: Devlin et al. (2019), https://arxiv.org/abs/1810.04805
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context, Method
from nlp_transfer.methods.layer_decay import check_decay, layer_decay_groups

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class FullFineTuning(Method):
    """Train everything.

    Args:
        layer_decay: factor on the learning rate for each layer further down; 1 is the same rate everywhere.
    """

    name: ClassVar[str] = "full_fine_tuning"
    any_task: ClassVar[bool] = True

    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        """Check the values."""
        if problems := check_decay(self.name, self.layer_decay):
            raise ConfigError(problems)

    def check(self, model: "PreTrainedModel") -> None:
        """Refuse an adapter, and a family that is not known here."""
        from nlp_transfer.models.adapters import refuse_adapter
        from nlp_transfer.models.families import family

        refuse_adapter(self.name, model)
        family(model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Free every weight that the logits depend on."""
        from nlp_transfer.models.families import free

        free(model, [model])
        return model

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """See `layer_decay_groups`."""
        return layer_decay_groups(model, learning_rate, self.layer_decay)
