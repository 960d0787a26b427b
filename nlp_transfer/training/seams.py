"""The seams of `transformers.Trainer`, each handed on to the trainer's extensions (`methods/extension.py`)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput

from nlp_transfer.methods.base import Context, Features, Method
from nlp_transfer.methods.extension import Extension
from nlp_transfer.training.checkpoints import check_whole
from nlp_transfer.training.extensions.exact_resume import ExactResume, ignore_tied_weights
from nlp_transfer.training.features import outputs_of
from nlp_transfer.training.signals import StopSignals, WorkerStart

if TYPE_CHECKING:
    from datasets import Dataset

Kind = TypeVar("Kind", bound=Extension)


class TransferSeams(Trainer):
    """Override each seam of `Trainer` once and hand it on to `extensions`, the first of which is innermost."""

    extensions: tuple[Extension, ...] = ()
    resume: ExactResume
    methods: Sequence[Method] = ()
    target_dataset: Any = None

    prior_corrected = False
    """Whether `correct_prior` changed the model since it was trained."""

    stop_signals: StopSignals | None = None
    """Where set, training saves and raises `RunInterrupted` at the step after which one of them came."""

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

    # ---- going on from a checkpoint ----

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`; `resume_from_checkpoint=True` takes the newest checkpoint that is whole.

        Raises:
            CheckpointError: there is none, or the one that was named is not whole or lacks a state.
            RunInterrupted: a signal came (`stop_signals`); a checkpoint was saved.
        """
        output: TrainOutput = self.resume.train(super().train, resume_from_checkpoint, *args, **kwargs)
        return output

    def newest_checkpoint(self) -> tuple[Path | None, list[str]]:
        """Return the newest whole checkpoint, the same on all processes, and why newer ones were passed over."""
        return self.resume.newest_checkpoint()

    @property
    def trained_seconds(self) -> float:
        """How long `train` took, the interrupted parts before it included."""
        return self.resume.seconds

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        self.resume.writer.save(trial)

    def _init_training_state(self, *args: Any, **kwargs: Any) -> tuple[int, int]:
        return self.resume.init_training_state(super()._init_training_state, *args, **kwargs)

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
        if skip_scheduler and self.resume.skips_first_evaluation():
            return {}
        return super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)

    def _maybe_log_save_evaluate(
        self,
        tr_loss: Tensor,
        grad_norm: Any,
        model: nn.Module,
        trial: Any,
        epoch: float,
        ignore_keys_for_eval: Any,
        start_time: float,
        learning_rate: float | None = None,
    ) -> None:
        call = partial(
            super()._maybe_log_save_evaluate,
            *(tr_loss, grad_norm, model, trial, epoch, ignore_keys_for_eval, start_time),
            learning_rate=learning_rate,
        )
        self.resume.log_save_evaluate(call, model, trial, grad_norm, learning_rate)

    def _load_best_model(self) -> None:
        check_whole(Path(str(self.state.best_model_checkpoint)))
        super()._load_best_model()

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        ignore_tied_weights(self.model, load_result)
        super()._issue_warnings_after_load(load_result)

    def _finalize_training(self, trial: Any, num_train_samples: int, start_time: float) -> TrainOutput:
        return self.resume.finalize_training(super()._finalize_training, trial, num_train_samples, start_time)

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; its workers leave signals to the main process."""
        loader = super().get_train_dataloader()
        if self.stop_signals is not None and self.args.dataloader_num_workers > 0:
            loader.worker_init_fn = WorkerStart(loader.worker_init_fn)
        return loader

    # ---- the loop ----

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> TrainOutput:
        with self._inside("training"):
            output: TrainOutput = super()._inner_training_loop(*args, **kwargs)
        return output

    def _run_epoch(self, *args: Any, **loop: Any) -> None:
        def run() -> None:
            for extension in self.extensions:
                extension.begin_epoch(loop["epoch"])
            super(TransferSeams, self)._run_epoch(*args, **loop)

        self.resume.run_epoch(run, **loop)

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
