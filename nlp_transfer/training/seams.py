"""The seams of `transformers.Trainer`, each handed on to the trainer's extensions (`methods/extension.py`)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput

from nlp_transfer.methods.base import Context, Features
from nlp_transfer.methods.extension import Extension
from nlp_transfer.training.features import outputs_of

if TYPE_CHECKING:
    from datasets import Dataset

Kind = TypeVar("Kind", bound=Extension)


class TransferSeams(Trainer):
    """Override each seam of `Trainer` once and hand it on to `extensions`, the first of which is innermost."""

    extensions: tuple[Extension, ...] = ()
    context: Context | None = None
    """What methods may look at; None for a trainer without methods and without a target."""

    def extension(self, kind: type[Kind]) -> Kind:
        """Return the extension of a class.

        Raises:
            LookupError: the trainer has none.
        """
        for extension in self.extensions:
            if isinstance(extension, kind):
                return extension
        raise LookupError(f"{type(self).__name__} has no extension {kind.__name__}.")

    def summary(self) -> dict[str, Any]:
        """Return what the extensions have to report of the training, by plain names."""
        return {name: value for extension in self.extensions for name, value in extension.summary().items()}

    def features_of(self, dataset: "Dataset", *, labelled: bool = True) -> Features:
        """Return the model's features and logits for encoded rows, in their order.

        Args:
            dataset: encoded rows.
            labelled: whether their losses are wanted; they must have labels then.
        """
        assert self.context is not None
        made = outputs_of(self, dataset)
        return made.features(self.context.loss(made.logits, made.labels) if labelled else None)

    def _around(self, hook: str, call: Callable[..., Any]) -> Callable[..., Any]:
        for extension in self.extensions:
            call = partial(getattr(extension, hook), call)
        return call

    @contextmanager
    def _inside(self, hook: str) -> Iterator[None]:
        with ExitStack() as stack:
            for extension in reversed(self.extensions):
                stack.enter_context(getattr(extension, hook)())
            yield

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> TrainOutput:
        with self._inside("training"):
            output: TrainOutput = super()._inner_training_loop(*args, **kwargs)
        return output

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        for extension in self.extensions:
            extension.begin_epoch(kwargs["epoch"])
        super()._run_epoch(*args, **kwargs)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; extensions may add to the batches."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        for extension in self.extensions:
            batches[:] = extension.prepare_step(batches)
        return batches, items

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """As in `Trainer`, inside of the extensions' `backward`."""
        loss: Tensor = self._around("backward", super().training_step)(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """As in `Trainer`, inside of the extensions' `loss`."""
        return self._around("loss", super().compute_loss)(model, inputs, return_outputs, num_items_in_batch)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)
        for extension in self.extensions:
            norm = extension.before_optimizer_step(model, norm)
        return norm

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """As in `Trainer`, with the parameters of extensions."""
        optimizer = super().create_optimizer(model)
        for extension in self.extensions:
            extension.prepare_optimizer(optimizer)
        return optimizer

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in `Trainer`; extensions may change the metrics."""
        if not self.args.prediction_loss_only and any(one.needs_predictions() for one in self.extensions):
            prediction_loss_only = False
        with self._inside("evaluation"):
            output: EvalLoopOutput = super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        for extension in self.extensions:
            output = extension.evaluate(output, metric_key_prefix)
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in `Trainer`; extensions may add to the entry."""
        for extension in self.extensions:
            logs = extension.log(logs)
        super().log(logs, start_time)
