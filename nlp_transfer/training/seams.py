"""The seams of `transformers.Trainer`, each handed on to the trainer's extensions (`methods/extension.py`)."""

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import SequentialSampler
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput

from nlp_transfer.errors import NamedArguments
from nlp_transfer.methods.alignment import Features, active_methods
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.extension import Extension, inside, pass_through, wrap
from nlp_transfer.training import samplers
from nlp_transfer.training.agreement import check_trainers
from nlp_transfer.training.checkpoint_writer import method_settings, save_model_files
from nlp_transfer.training.checkpoints import last_checkpoint_note
from nlp_transfer.training.extensions import default_extensions
from nlp_transfer.training.extensions.exact_resume import ExactResume, ignore_tied_weights
from nlp_transfer.training.extensions.loss_scaling import LossScaling, without_repeated_labels
from nlp_transfer.training.features import features_of
from nlp_transfer.training.hub import ModelPush
from nlp_transfer.training.method_setup import MethodsLike, apply_methods, prepare_trainer, set_learning_rates
from nlp_transfer.training.optimizer_step import ROW_IDS, OptimizerStep
from nlp_transfer.training.renamed_weights import load_weights
from nlp_transfer.training.runtime import allow_precision, naming_lost_processes
from nlp_transfer.training.signals import StopSignals
from nlp_transfer.training.source_weights import Sources


class TransferSeams(NamedArguments, Trainer):
    """Override each seam of `Trainer` once and hand it on to `extensions`, the first of which is innermost.

    Attributes:
        context: what methods may look at; None without methods and without a target.
        networks: the networks that methods train with the model, by method.
        stop_signals: where set, training saves and raises `RunInterrupted` at the step after which one of them came.
        scored_rows: the dataset that is scored, with all columns, for a `compute_metrics` that needs more than arrays.
    """

    extensions: tuple[Extension, ...] = ()
    resume: ExactResume
    methods: Sequence[Method] = ()
    context: Context | None = None
    networks: nn.ModuleDict | None = None
    sources: Sources | None = None
    source_rows: dict[str, str] | None = None
    target_dataset: Any = None
    current_step: OptimizerStep | None = None
    stop_signals: StopSignals | None = None
    prior_corrected = False
    scored_rows: Any = None
    _sampler: samplers.ShuffledSampler | None = None
    _repeats_last: Callable[[], bool] | None = None  # whether this process's last batch of an epoch must not count
    _fetches = False  # whether the batches of an update are fetched, rather than one of an evaluation

    def __init__(  # Trainer's arguments, in its order, and ours
        self,
        model: Any = None,
        args: Any = None,
        data_collator: Any = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[..., Any] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[..., dict[str, Any]] | None = None,
        callbacks: list[Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[torch.optim.Optimizer], dict[str, Any]] | None = None,
        preprocess_logits_for_metrics: Callable[[Tensor, Tensor], Tensor] | None = None,
        *,
        target_dataset: Any = None,
        methods: MethodsLike = (),
        peft_config: Any = None,
        context: Context | None = None,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self._push = ModelPush(self)
        super().__init__(**prepare_trainer(self, self._given))
        self.resume = ExactResume()
        self.extensions = default_extensions(self.methods, adapter=peft_config is not None)
        for extension in (*self.extensions, self.resume):
            extension.attach(self)

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, in another precision than an earlier trainer's if need be."""
        allow_precision(self.args)
        super().create_accelerator_and_postprocess()

    def call_model_init(self, trial: Any = None) -> nn.Module:
        """Make a model and apply the methods to it; hyperparameter search makes many."""
        model: nn.Module = apply_methods(self, super().call_model_init(trial), self._given)
        return model

    @property
    def adapts(self) -> bool:
        """Return whether training uses target rows."""
        return bool(active_methods(self.methods))

    def extension(self, kind: type[Extension]) -> Any:
        """Return the extension of a class; raises StopIteration where the trainer has none."""
        return next(extension for extension in self.extensions if isinstance(extension, kind))

    def summary(self) -> dict[str, Any]:
        """Return lines for the report by their titles; see `Extension.summary`."""
        drawn = {} if self.source_rows is None else {"rows of each source": self.source_rows}
        return drawn | {name: value for one in self.extensions for name, value in one.summary().items()}

    def features_of(self, dataset: Any, *, labelled: bool = True) -> Features:
        """Return the features and logits of encoded rows; see `features.features_of`."""
        return features_of(self, dataset, labelled=labelled)

    def reset_step(self) -> None:
        """Forget what this optimizer step has gathered outside of the model: it begins again, or is left out."""
        for extension in self.extensions:
            extension.reset_step()

    # ---- checkpoints ----

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> TrainOutput:
        """Train as `Trainer` does; `resume_from_checkpoint=True` takes the newest checkpoint that is whole.

        Raises:
            CheckpointError: there is none, or the one that was named is not whole or lacks a state.
            RunInterrupted: a signal came (`stop_signals`); a checkpoint was saved.
        """
        self.prior_corrected = False
        target = self.target_dataset if self.context is None else self.context.target
        resumes = bool(resume_from_checkpoint)
        check_trainers(self, target, methods=method_settings(self.methods), resume_from_checkpoint=resumes)
        if any(not method.trains for method in self.methods):  # one has fitted the model itself
            return TrainOutput(0, float("nan"), {"train_runtime": 0.0})
        with naming_lost_processes(lambda: last_checkpoint_note(self.args)):
            output: TrainOutput = self.resume.train(super().train, resume_from_checkpoint, *args, **kwargs)
        return output

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        self.resume.writer.save(trial)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        save_model_files(self, super()._save, output_dir, state_dict)

    def _init_training_state(self, *args: Any, **kwargs: Any) -> tuple[int, int]:
        return self.resume.init_training_state(super()._init_training_state, *args, **kwargs)

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
        if skip_scheduler and self.resume.skips_first_evaluation():
            return {}
        return super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self.resume.log_save_evaluate(super()._maybe_log_save_evaluate, *args, **kwargs)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *args: Any) -> None:
        load_weights(self, resume_from_checkpoint, super()._load_from_checkpoint, resume_from_checkpoint, *args)

    def _load_best_model(self) -> None:
        load_weights(self, str(self.state.best_model_checkpoint), super()._load_best_model)

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        ignore_tied_weights(self.model, load_result)
        super()._issue_warnings_after_load(load_result)

    def _finalize_training(self, trial: Any, num_train_samples: int, start_time: float) -> TrainOutput:
        return self.resume.finalize_training(super()._finalize_training, trial, num_train_samples, start_time)

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Check, before training, that a push will be let in; see `ModelPush.check_login`."""
        self._push.check_login(token, private)

    def push_to_hub(self, *args: Any, **kwargs: Any) -> Any:
        """Push the model, scanned before, into a private repository; see `ModelPush.push`."""
        return self._push.push(*args, **kwargs)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write the card of the model; see `ModelPush.write_card`."""
        self._push.write_card(*args, **kwargs)

    # ---- rows ----

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        self._sampler = samplers.train_sampler(self, self.train_dataset if train_dataset is None else train_dataset)
        return super()._get_train_sampler(train_dataset) if self._sampler is None else self._sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        in_order = self.args.world_size == 1 and hasattr(eval_dataset, "__len__")  # accelerate keeps the order, too
        return SequentialSampler(eval_dataset) if in_order else None

    def get_train_dataloader(self) -> Any:
        """Return the training batches, with the origins of their rows; no row that counts is repeated."""
        loader, self._repeats_last = samplers.train_loader(self, super().get_train_dataloader)
        return loader

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        samplers.add_collator_columns(self)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Return the batches of an evaluation, and note which rows are scored."""
        given: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        self.scored_rows = self.eval_dataset[given] if isinstance(given, str) and self.eval_dataset else given
        return super().get_eval_dataloader(eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        """Return the batches of a prediction, and note which rows are scored."""
        self.scored_rows = test_dataset
        return super().get_test_dataloader(test_dataset)

    # ---- the loop ----

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> TrainOutput:
        with inside(self.extensions, "training"):
            output: TrainOutput = super()._inner_training_loop(*args, **kwargs)
        return output

    def _run_epoch(self, *args: Any, **loop: Any) -> None:
        def run() -> None:
            if self.args.world_size > 1 and self.state.global_step == 0:
                torch.manual_seed(self.args.seed + self.args.process_index)  # else all draw the same dropout masks
            shuffled: tuple[Any, ...] = (self._sampler, self.data_collator)
            for one in shuffled:
                if hasattr(one, "set_epoch"):
                    one.set_epoch(loop["epoch"])
            for extension in self.extensions:
                extension.begin_epoch(loop["epoch"])
            super(TransferSeams, self)._run_epoch(*args, **loop)

        self.resume.run_epoch(run, **loop)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Begin an optimizer step: fetch its batches, to which extensions may add."""
        self._fetches = True
        try:
            batches, items = super().get_batch_samples(*args, **kwargs)
        finally:
            self._fetches = False
        ids = [batch.pop(ROW_IDS, []) if isinstance(batch, MutableMapping) else [] for batch in batches]
        self.current_step = OptimizerStep(batches, ids, self._tr_loss.clone())
        batches[:] = pass_through(self.extensions, "prepare_step", batches)
        return batches, items

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        batch_samples[:] = samplers.with_repeated_marked(self, batch_samples)
        if self.extension(LossScaling).counts_items():
            return None
        return super()._get_num_items_in_batch([without_repeated_labels(batch) for batch in batch_samples], device)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Run a micro-batch forward and backward, inside of the extensions' `backward`."""
        loss: Tensor = wrap(self.extensions, "backward", super().training_step)(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the loss of a batch, inside of the extensions' `loss`."""
        compute = wrap(self.extensions, "loss", super().compute_loss)
        return compute(model, inputs, return_outputs, num_items_in_batch)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)
        norm = pass_through(self.extensions, "before_optimizer_step", norm, model)
        self.current_step = None
        return norm

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimizer, with the learning rates of the methods and the parameters of extensions."""
        optimizer = super().create_optimizer(model)
        trained: Any = self.model if model is None else model
        set_learning_rates(optimizer, self.methods, trained, self.args.learning_rate)
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
        """Score or predict rows; extensions may change the metrics."""
        if not self.args.prediction_loss_only and any(one.needs_predictions() for one in self.extensions):
            prediction_loss_only = False
        with inside(self.extensions, "evaluation"):
            output: EvalLoopOutput = super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        evaluated: EvalLoopOutput = pass_through(self.extensions, "evaluate", output, metric_key_prefix)
        return evaluated

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log an entry, to which extensions may add."""
        super().log(pass_through(self.extensions, "log", logs), start_time)
