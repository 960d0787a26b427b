"""Source-free adaptation: adapt a trained classifier to target text, without any source text.

    L = weight * (mean over texts of H(p_i) + KL(q || mean p)) + pseudo_weight * mean over texts of -log p_i(y_i)

p_i are the class probabilities of a text, and q the class frequencies of the target, estimated by expectation
maximisation from the trained model's predictions before it is adapted. Predictions become certain, and no class
vanishes, since the divergence then has no bound. The reference has H(mean p) in its place, which assumes that classes
are equally frequent. y_i is the class whose prototype, a mean of features weighted by probabilities, is nearest by
cosine; it is chosen anew at the start of each epoch. The layer that makes the logits, trained on the source, stays.
Reference: Liang et al. (2020), Do we really need to access the source data?, https://arxiv.org/abs/2002.08546
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Network, Shapes, Term
from nlp_transfer.methods.base import Change, Needs
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

    The last layer stays as it was trained. It can do harm: compare with the model before on a few labelled texts.

    Args:
        weight: of the loss that makes predictions sure, and keeps the estimated class frequencies of the target.
        pseudo_weight: of the loss of pseudo-labels, the classes of the nearest prototypes.

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
    needs: ClassVar[Needs] = Needs(
        source=False,
        target_text=True,
        pairs=True,
        outputs=frozenset({Output.LOGITS, Output.POOLED, Output.HEAD, Output.ROW_LOSS}),
    )
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TARGET_LABELS})

    # The mean of a step's predictions is compared with frequencies, so a step needs more than a few texts.
    run_defaults: ClassVar[Mapping[str, float]] = {
        "learning_rate": 2e-5,
        "per_device_train_batch_size": 32,
        "num_train_epochs": 3,
    }

    weight: float = 1.0
    pseudo_weight: float = 0.3

    def __post_init__(self) -> None:
        self.check_values(pseudo_weight=(0 <= self.pseudo_weight < math.inf, "0 or more"))

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

    def pseudo_labels(
        self, predict: Callable[[], Features], epoch: int, epochs: float, *, multi_label: bool
    ) -> np.ndarray:
        """Return the class of the nearest prototype for all target rows, int64, shape (rows,)."""
        target = predict()
        return prototype_labels(target.pooled, target.probabilities()).cpu().numpy()

    def target_passes(self, epochs: float) -> int:
        """Return the number of epochs: each begins with pseudo-labels."""
        return math.ceil(epochs)

    def extension(self) -> Extension:
        """Return what labels target rows, and measures class frequencies once; see `Method.extension`."""
        from nlp_transfer.methods.pseudo_labels import LabelsAndFrequencies

        return LabelsAndFrequencies(self, self.pseudo_labels)

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term:
        """Return the loss of a step; see `AlignmentMethod.term`."""
        assert network is not None
        frequencies: Tensor = network.get_buffer("frequencies")
        entropy, distance = information_terms(target.logits, frequencies)
        logged = {"entropy": entropy.item(), "distance": distance.item()}
        loss = self.weight * (entropy + distance)
        if target.losses is not None and target.labelled is not None and bool(target.labelled.any()):
            pseudo = target.losses[target.labelled].mean()
            loss = loss + self.pseudo_weight * pseudo
            logged["pseudo"] = pseudo.item()
        return Term(loss, logged=logged)


def prototype_labels(features: "Tensor", probabilities: "Tensor") -> "Tensor":
    """Return the class of the nearest prototype by cosine, int64, shape (texts,).

    Prototypes are first weighted by probabilities, then means of the texts that were nearest. A class without any text
    has none.

    Args:
        features: shape (texts, hidden).
        probabilities: shape (texts, classes).

    Example:
        >>> import torch
        >>> prototype_labels(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.9, 0.1], [0.3, 0.7]]))
        tensor([0, 1])
    """
    from torch.nn.functional import normalize, one_hot

    rows, weights = normalize(features.float(), dim=1), probabilities.float()
    nearest = probabilities.argmax(dim=1)
    for _ in range(2):
        similarity = rows @ normalize(weights.T @ rows, dim=1).T
        nearest = similarity.masked_fill(weights.sum(dim=0) == 0, -math.inf).argmax(dim=1)
        weights = one_hot(nearest, probabilities.shape[1]).to(rows)
    return nearest


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
