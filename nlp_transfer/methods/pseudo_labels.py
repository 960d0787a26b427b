"""Give target rows the labels of a method at the start of each epoch."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate.utils import broadcast
from torch import Tensor

from nlp_transfer.data.encoding.label_columns import has_label, label_column
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import AlignmentMethod, Features
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.metrics.label_shift import estimate_label_shift, expectation_maximisation
from nlp_transfer.models.config_values import CLASS_FREQUENCIES, RECORD
from nlp_transfer.models.families import plain_model

log = logging.getLogger(__name__)

MIN_FREQUENCY = 1e-4
"""Frequency in the source of a class that it has no row of."""


class PseudoLabels(Extension):
    """Label target rows by the model of the moment.

    `choose` returns their labels, as `SelfTraining.pseudo_labels`, and is given a function that predicts all target
    rows. `labels` are int64, -1 for none; None where no row has any.
    """

    def __init__(self, method: AlignmentMethod, choose: Callable[..., np.ndarray | None]) -> None:
        self.method, self.choose = method, choose
        self.labels: Tensor | None = None
        self._labelled_epoch = -1

    @contextmanager
    def training(self) -> Iterator[None]:
        """Begin without labels."""
        self.labels, self._labelled_epoch = None, -1
        yield

    def begin_epoch(self, epoch: int) -> None:
        """Label the target's rows, unless a checkpoint has the labels of this epoch."""
        if epoch == self._labelled_epoch:
            return
        self._labelled_epoch = epoch
        context, epochs = self.trainer.context, self.trainer.state.num_train_epochs
        column = label_column(context.train)
        several = column is not None and isinstance(context.train[0][column], list)
        made = self.choose(self.predict, epoch, epochs, multi_label=several)
        # All processes take the labels of the first, should theirs be rounded otherwise.
        self.labels = None if made is None else broadcast(torch.from_numpy(made).to(self.trainer.args.device)).cpu()
        if made is not None and self.labels is not None:
            log.info(
                f"{self.method.name}: {int(has_label(self.labels).sum()):,} of {len(made):,} target texts have a "
                f"pseudo-label in epoch {epoch + 1}."
            )
        if epoch == 0 and not self.method.target_passes(epochs):
            log.warning(f"{self.method.name}: training ends before the first epoch with pseudo-labels. Train longer.")

    def predict(self) -> Features:
        """Return the features and logits of all target rows, by the model of the moment."""
        target: Features = self.trainer.features_of(self.trainer.context.target, labelled=False)
        return target

    def prepare_target(self, batch: Batch, rows: Sequence[int], positions: Sequence[int]) -> None:
        """Label the rows of a batch."""
        if self.labels is not None:
            labels = self.labels[list(rows)].to(next(iter(batch.values())).device)
            batch["labels"] = torch.where(labels >= 0, labels, IGNORE_INDEX)

    def state_dict(self) -> dict[str, Any]:
        """Return the labels and their epoch."""
        return {"epoch": self._labelled_epoch} | ({} if self.labels is None else {"labels": self.labels})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._labelled_epoch, self.labels = state["epoch"], state.get("labels")


class ShiftedLabels(PseudoLabels):
    """Correct predictions for the target's class frequencies before they label texts."""

    @contextmanager
    def training(self) -> Iterator[None]:
        """Begin without labels; raise ConfigError without labelled validation rows of the source."""
        validation = self.trainer.context.validation
        if not len(validation) or label_column(validation) is None:
            raise ConfigError(
                f"{self.method.name}.label_shift calibrates predictions on labelled validation rows of the source, and "
                "there are none. Give some (source.split.validation, or eval_dataset), or leave label_shift out."
            )
        with super().training():
            yield

    def predict(self) -> Features:
        """Return the features of all target rows, and their corrected logits."""
        target, validation = super().predict(), self.trainer.context.validation
        known = self.trainer.features_of(validation, labelled=False).logits.cpu().double().numpy()
        labels, logits = np.asarray(validation[label_column(validation)]), target.logits.cpu().double().numpy()
        shift = estimate_label_shift(known, labels, logits)
        if not shift.above_chance:
            return target
        shares = ", ".join(f"{one:.3f}" for one in shift.target)
        log.info(f"{self.method.name}: estimated class frequencies of the target: {shares}.")
        corrected = torch.from_numpy(logits / shift.temperature + shift.corrections())
        return replace(target, logits=corrected.to(target.logits))


class LabelsAndFrequencies(PseudoLabels):
    """Estimate the target's class frequencies, too, from the first predictions.

    They go to the buffer `frequencies` of the method's network, whose buffer `known` is 0 until then. Class frequencies
    of the source are in the model's record; without them, classes were equally frequent.
    """

    def predict(self) -> Features:
        """Return the features and logits of all target rows, by the model of the moment."""
        target, network = super().predict(), self.trainer.networks[self.method.name]
        if not network.known:
            config = plain_model(self.trainer.accelerator.unwrap_model(self.trainer.model)).config
            source = (getattr(config, RECORD, None) or {}).get(CLASS_FREQUENCIES)
            estimate = target_frequencies(target.probabilities().cpu().double().numpy(), source)
            # As with labels, all processes take what the first has.
            network.frequencies.copy_(broadcast(torch.from_numpy(estimate).float().to(self.trainer.args.device)))
            network.known.fill_(1.0)
        return target


def target_frequencies(probabilities: np.ndarray, source: Sequence[float] | None = None) -> np.ndarray:
    """Return the class frequencies of maximum likelihood in the target, each as if half a text more had the class.

    Args:
        probabilities: calibrated on the source, of target rows, shape (rows, classes).
        source: class frequencies there, shape (classes,); None for equal ones.

    Example:
        >>> target_frequencies(np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])).round(2)
        array([0.66, 0.34])
    """
    rows, classes = probabilities.shape
    equal = np.full(classes, 1 / classes)
    known = equal if source is None or len(source) != classes else np.maximum(source, MIN_FREQUENCY)
    found = expectation_maximisation(probabilities, known / known.sum(), np.ones(rows))
    return np.asarray((rows * found + 0.5) / (rows + 0.5 * classes))
