"""Source-free adaptation: sharpen a trained classifier on target text, without any source text.

    L = weight * (mean over texts of H(p_i) + KL(q || mean p))

p_i are the class probabilities of a text, and q the class frequencies that the trained model sees in the target before
it is adapted. Predictions become certain, and no class vanishes, since the divergence then has no bound. The reference
has H(mean p) in place of the divergence, which assumes that classes are equally frequent. The layer that makes the
logits, trained on the source, stays as it is.
Reference: Liang et al. (2020), Do we really need to access the source data?, https://arxiv.org/abs/2002.08546
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Network, Shapes, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from nlp_transfer.methods.context import Context


@final
@dataclass(frozen=True)
class SourceFree(AlignmentMethod):
    """Adapt a trained classifier by target text alone. It joins a method that chooses the trainable weights.

    Args:
        weight: of the loss, which is the only one.

    Example:
        >>> data = {"target_dataset": target_rows, "processing_class": tokenizer}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[FullFineTuning(), SourceFree()])
        >>> trainer.train().global_step
        16
    """

    name: ClassVar[str] = "source_free"
    citation: ClassVar[str] = (
        "Liang et al. (2020), Do we really need to access the source data?, https://arxiv.org/abs/2002.08546"
    )
    needs: ClassVar[Needs] = Needs(source=False, target_text=True, outputs=frozenset({Output.LOGITS, Output.HEAD}))

    # The mean of a step's predictions is compared with frequencies, so a step needs more than a few texts.
    run_defaults: ClassVar[Mapping[str, float]] = {
        "learning_rate": 2e-5,
        "per_device_train_batch_size": 32,
        "num_train_epochs": 3,
    }

    weight: float = 1.0

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the model gives each text one of its classes."""
        if getattr(model.config, "problem_type", None) == "multi_label_classification":
            raise ConfigError("source_free is for one label a text, and the model gives several. Take another method.")

    def prepare(self, model: "PreTrainedModel", context: "Context") -> "nn.Module":
        """Freeze the layer that makes the logits."""
        from nlp_transfer.models.families import logits_layer, plain_model

        logits_layer(plain_model(model)).requires_grad_(False)
        return model

    def network(self, shapes: Shapes) -> Network:
        """Return the class frequencies as a module without parameters, which checkpoints hold."""
        import torch

        module = torch.nn.Module()
        module.register_buffer("frequencies", torch.full((shapes.classes,), 1 / shapes.classes))
        module.register_buffer("known", torch.zeros(()))
        return Network(module, learning_rate=0.0)

    def extension(self) -> Extension:
        """Return what measures the class frequencies before the first step; see `Method.extension`."""
        return _ClassFrequencies(self.name)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return the loss of a step; see `AlignmentMethod.term`."""
        assert network is not None
        frequencies: Tensor = network.get_buffer("frequencies")
        entropy, distance = information_terms(target.logits, frequencies)
        return Term(entropy + distance, self.weight, logged={"entropy": entropy.item(), "distance": distance.item()})


def information_terms(logits: "Tensor", frequencies: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Return the mean entropy of predictions, and the divergence of class frequencies from their mean, in nats.

    Args:
        logits: shape (texts, classes).
        frequencies: shape (classes,), which add up to 1.

    Example:
        >>> import torch
        >>> [round(float(one), 3) for one in information_terms(torch.zeros(4, 2), torch.tensor([0.5, 0.5]))]
        [0.693, 0.0]
    """
    import torch

    logs = logits.log_softmax(dim=1)
    probabilities = logs.exp()
    known = frequencies.to(logs)
    mean = logs.logsumexp(dim=0) - math.log(len(logs))
    return -(probabilities * logs).sum(dim=1).mean(), torch.xlogy(known, known).sum() - (known * mean).sum()


class _ClassFrequencies(Extension):
    """Set the frequencies to the mean probabilities of the trained model, once, before the first step."""

    def __init__(self, name: str) -> None:
        self.name = name

    def begin_epoch(self, epoch: int) -> None:
        """Measure them, unless a checkpoint has them."""
        network = self.trainer.networks[self.name]
        if not network.known:
            target: Features = self.trainer.features_of(self.trainer.context.target, labelled=False)
            network.frequencies.copy_(target.probabilities().mean(dim=0))
            network.known.fill_(1.0)
