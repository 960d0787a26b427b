"""LP-FT: linear probing, then fine-tuning.

First a linear head is fitted to its optimum on the frozen encoder, with the pooling and penalty that validation prefers
(`probing.py`, on the last layer unless others are named). Then all weights, or the top `trained_layers`, are trained
from there. A random head sends large random gradients into the encoder, which distort features that hold outside the
training domain; a fitted one does not.
Needs a task with class logits.
Reference: Kumar et al. (2022), https://arxiv.org/abs/2202.10054
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.probing import PENALTIES, Probe
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class LPFT(Method):
    """Fit the head on the frozen encoder, then train everything.

    Args:
        layers: the layers that the probe may read, 1 is the lowest; layers above the chosen one are dropped. None is
            the last one, so that none is.
        pooling: the poolings to try, `mean` over the tokens and `cls`, the first token; None is all that the encoder's
            family can express.
        l2: the penalties on the probe's weights to try (1 / C of scikit-learn's logistic regression).
        trained_layers: how many layers train after the probe, counted from the top; None is everything.
        losses: the losses to fit heads by: `task`, the task's own, and `squared_hinge`, that of a linear SVM, which
            tends to do better with few texts a class.
    """

    name: ClassVar[str] = "lp_ft"
    citation: ClassVar[str] = "Kumar et al. (2022), https://arxiv.org/abs/2202.10054"
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})

    layers: list[int] | None = None
    pooling: list[str] | None = None
    l2: list[float] = field(default_factory=lambda: list(PENALTIES))
    trained_layers: int | None = None
    losses: list[Literal["task", "squared_hinge"]] = field(default_factory=lambda: ["task"])

    def __post_init__(self) -> None:
        """Check the values."""
        self._probe(self.layers)
        if self.trained_layers is not None and self.trained_layers < 1:
            raise ConfigError(f"lp_ft.trained_layers is {self.trained_layers}; expected 1 or more, or null for all.")

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings, and no adapter."""
        from nlp_transfer.models.families import check_layer_count

        self._probe(self.layers).check(model)
        check_layer_count("lp_ft.trained_layers", self.trained_layers or 0, model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Fit the probe, write it into the model's head, and free every weight but those that only pass it on.

        Raises:
            ConfigError: there are no validation rows.
        """
        from nlp_transfer.models.families import encoder_layers, train_only, train_top_layers
        from nlp_transfer.models.heads.pooling import available_layers, folded_modules

        layers = self.layers if self.layers is not None else [available_layers(model)[-1]]
        facts = context.facts[self.name] = self._probe(layers).fit(model, context)
        folded = folded_modules(model, facts["pooling"])
        if self.trained_layers is None:
            train_only(model, [model])
        else:
            whole = [layer for layer in encoder_layers(model) if not any(layer is module for module in folded)]
            train_top_layers(model, whole[-self.trained_layers :])
        for module in folded:
            module.requires_grad_(False)
        return model

    def _probe(self, layers: list[int] | None) -> Probe:
        return Probe(self.name, layers, self.pooling, self.l2, [*self.losses])
