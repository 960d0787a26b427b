"""Labels that methods give to target rows, at the start of each epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from accelerate.utils import broadcast
from torch import Tensor

from nlp_transfer.methods.base import Context, Features, Method
from nlp_transfer.training.optimizer_step import UpdateMixin
from nlp_transfer.training.target_batches import has_label, label_column


class PseudoLabelMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    methods: Sequence[Method] = ()
    context: Context | None
    _target_rows: Any = None
    _epoch_to_label: int | None = None

    pseudo_labels: Tensor | None = None
    """Of the target's rows, int64, -1 for none (see `Method.pseudo_labels`); None where no method made any."""

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`; before its first update target rows get the labels that a method gives them."""
        resumed = kwargs["resume_from_checkpoint"] is not None and kwargs["epoch"] == kwargs["epochs_trained"]
        in_the_middle = resumed and kwargs["steps_trained_in_current_epoch"] > 0  # the checkpoint has the epoch's
        self._epoch_to_label = None if in_the_middle else kwargs["epoch"]
        super()._run_epoch(*args, **kwargs)

    def _label_targets(self) -> None:
        """Once an epoch, when what a checkpoint holds has been taken over."""
        epoch, self._epoch_to_label = self._epoch_to_label, None
        for method in self.methods:
            if epoch is not None and method.pseudo_labels_target:
                self._label_target(method, epoch)
                if epoch == 0 and not method.labelling_epochs(self.state.num_train_epochs):
                    assert self.context is not None
                    self.context.say(
                        f"{method.name}: training ends before the first epoch that gives pseudo-labels, so it is as if "
                        "it were not there. Train longer."
                    )

    def _label_target(self, method: Method, epoch: int) -> None:
        assert self.context is not None

        def probabilities() -> np.ndarray:
            whole: Any = self
            target: Features = whole.features_of(self._target_rows, labelled=False)
            return target.probabilities().cpu().numpy()

        several = isinstance(self.context.train[0][label_column(self.context.train)], list)
        made = method.pseudo_labels(probabilities, epoch, self.state.num_train_epochs, multi_label=several)
        if made is None:
            self.pseudo_labels = None
            return
        # All processes take the labels of the first, should theirs be rounded otherwise.
        self.pseudo_labels = broadcast(torch.from_numpy(made).to(self.args.device)).cpu()
        self.context.say(
            f"{method.name}: {int(has_label(self.pseudo_labels).sum()):,} of {len(made):,} target texts have a "
            f"pseudo-label in epoch {epoch + 1}."
        )
