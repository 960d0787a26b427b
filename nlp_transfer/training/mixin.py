"""What TransferTrainer adds to `transformers.Trainer`, as a mixin that its Seq2Seq twin shares.

Silent faults of the stock loop that are removed here:

* A head that takes `**kwargs` but ignores `num_items_in_batch` makes the stock loop skip its own averaging, so that
  gradients grow with accumulation steps and processes, and so does a loss of the user's own that ignores it. Here
  every mean is weighted by its share of the update (training/extensions/loss_scaling.py).
* A loss that is not finite is logged as 0.0. Here it stops the run (training/extensions/nonfinite_guard.py).
* The evaluation loss is made of batches' means: on several processes the last ones count for other rows than theirs,
  and losses of tokens count by rows. Here it is the mean over rows, or tokens.
* Grouping by length reorders predictions, and draws from the global random state. Here neither (row_order.py).
* `training_args.bin` holds the Hub token, and goes to the Hub with the whole output folder. Here neither
  (training/hub.py).
* Every process of several draws the same dropout masks. Here each draws its own.
* The frozen part of an encoder is computed in every epoch, with dropout. Here once, without
  (training/extensions/activation_cache.py).
* A checkpoint may be torn, and a resumed run differ from an uninterrupted one. Here neither
  (training/extensions/exact_resume.py).

And there are trainers beside it, to choose from and to compare with (training/search.py), on the target
(training/target_evaluation.py).
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import EarlyStoppingCallback
from transformers.trainer_utils import TrainOutput

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context, Method, prepare_all
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.families import is_encoder_decoder, plain_model
from nlp_transfer.models.heads.encoder_decoder import separate_weights
from nlp_transfer.models.heads.masked_lm import masked_lm_for
from nlp_transfer.training.agreement import check_trainers
from nlp_transfer.training.checkpoint_writer import method_settings
from nlp_transfer.training.extensions.activation_cache import ActivationsMixin, log_message, store_for
from nlp_transfer.training.extensions.checkpoint_selection import (
    CheckpointSelection,
    check_metric,
    check_one_validation,
    label_free_metric,
)
from nlp_transfer.training.extensions.domain_adaptation import AdaptationMixin
from nlp_transfer.training.extensions.exact_resume import ExactResume
from nlp_transfer.training.extensions.fast_forward import FastForward
from nlp_transfer.training.extensions.frozen_layers import FrozenMixin
from nlp_transfer.training.extensions.nonfinite_guard import FiniteMixin
from nlp_transfer.training.extensions.oom_guard import MemoryMixin
from nlp_transfer.training.features import written_losses
from nlp_transfer.training.hub import PublishingMixin
from nlp_transfer.training.method_networks import add_to_optimizer, make_networks
from nlp_transfer.training.optimizer_step import COUNTERS
from nlp_transfer.training.processes import naming_lost_processes
from nlp_transfer.training.row_order import RowOrderMixin
from nlp_transfer.training.seams import TransferSeams
from nlp_transfer.training.search import BesideMixin
from nlp_transfer.training.source_weights import DISTANCE, DISTANCE_WEIGHTS, SIZE, sources_of
from nlp_transfer.training.target_checks import check_pairs, check_sources, check_target, check_writer
from nlp_transfer.training.twins import random_states

if TYPE_CHECKING:
    from peft import PeftConfig


class TransferMixin(
    RowOrderMixin,
    ActivationsMixin,
    FrozenMixin,  # before AdaptationMixin, whose look ahead must find frozen layers without dropout, too
    FiniteMixin,
    MemoryMixin,
    AdaptationMixin,
    BesideMixin,
    TransferSeams,
    PublishingMixin,
):
    """See the module's text. Use `TransferTrainer`."""

    def __init__(
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
        methods: Method | Sequence[Method] | None = (),
        peft_config: "PeftConfig | None" = None,
        context: Context | None = None,
    ) -> None:
        methods = (methods,) if isinstance(methods, Method) else tuple(methods or ())
        wrong = [method for method in methods if not isinstance(method, Method)]
        if wrong:
            raise ConfigError(
                f"methods holds {wrong[0]!r}; expected method objects, such as methods=[LoRA(r=8)] "
                "(from nlp_transfer.methods import LoRA)."
            )
        self.methods = methods
        self.peft_config = peft_config
        self.target_dataset = target_dataset
        self.context = context
        self.shown = {}
        if context is not None and target_dataset is not None:
            raise ConfigError("target_dataset and context were both given: the context's target counts. Give one.")
        weights = getattr(args, "source_weights", SIZE)
        self._sources = sources_of(train_dataset, needed=self.adapts or weights != SIZE)
        check_sources(self._sources, train_dataset, args)
        weighs = DISTANCE_WEIGHTS if weights == DISTANCE else None
        target = target_dataset if context is None else context.target
        classes = getattr(getattr(model, "config", None), "num_labels", None)
        needs = label_free_metric(args) or weighs
        check_target(self.methods, target, needs, train=train_dataset, classes=classes)
        check_pairs(self.methods, args)
        if compute_metrics is None:
            check_metric(args, context)
        check_one_validation(args, eval_dataset)
        if self.adapts and context is None and compute_loss_func is not None:
            raise ConfigError(
                "compute_loss_func was given, and methods for a target domain need the loss of each row. Leave it out, "
                "or give a context with such a loss: context=Context(…, loss=…)."
            )
        if self.adapts and self.overrides("compute_loss"):
            raise ConfigError(
                f"{type(self).__name__} has a compute_loss of its own, and methods for a target domain need the loss "
                "of each row. Give a context with such a loss in its place: context=Context(…, loss=…)."
            )
        if self.adapts and optimizers[0] is not None:
            raise ConfigError(
                "optimizers was given, and methods for a target domain add networks of their own to the optimizer. "
                "Leave it out: optimizer_cls_and_kwargs and the arguments choose one."
            )
        self._given = {
            "args": args,
            "data_collator": data_collator,
            "train_dataset": train_dataset,
            "eval_dataset": eval_dataset,
            "processing_class": processing_class,
            "compute_metrics": compute_metrics,
            "optimizers": optimizers,
            "optimizer_cls_and_kwargs": optimizer_cls_and_kwargs,
            "target_dataset": target_dataset,
            "context": context,
        }
        if model is not None:
            if target_dataset is not None:
                self._untrained = copy.deepcopy(model).cpu()
                self._drawn_from = random_states(torch.device("cpu") if args is None else args.device)
            model = self._transfer(model)
        early_stopping = getattr(args, "early_stopping_patience", None)
        if early_stopping is not None:
            callbacks = [*(callbacks or []), EarlyStoppingCallback(early_stopping, args.early_stopping_threshold)]
        # Seq2SeqTrainer has no such argument.
        own_optimizer = {"optimizer_cls_and_kwargs": optimizer_cls_and_kwargs} if optimizer_cls_and_kwargs else {}
        super().__init__(
            model=model,
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            model_init=model_init,
            compute_loss_func=compute_loss_func,
            compute_metrics=compute_metrics,
            callbacks=callbacks,
            optimizers=optimizers,
            preprocess_logits_for_metrics=preprocess_logits_for_metrics,
            **own_optimizer,
        )
        self.extensions = default_extensions(self.methods)
        self.resume = ExactResume()
        for extension in (*self.extensions, self.resume):
            extension.attach(self)
        trained: Any = self.model
        for method in self.methods:
            for callback in method.callbacks(trained):
                self.add_callback(callback)

    # ---- methods ----

    def _transfer(self, model: Any) -> Any:
        """Apply the methods, then the PEFT configuration, to a model."""
        if is_encoder_decoder(model):
            check_writer(self.methods)
        if self.methods or self._given["target_dataset"] is not None:
            self.context = self.context or self._default_context(model)
            if self._given["args"] is not None:
                model = model.to(self._given["args"].device)  # methods may run the model over all rows
            model = prepare_all(self.methods, model, self.context)
            sources = 1 if self._sources is None else len(self._sources.names)
            self.networks = None
            if self.adapts:
                self.networks = make_networks(
                    self.methods,
                    model,
                    seed=self.context.seed,
                    sources=sources,
                    masked_lm=self.context.masked_lm,
                )
        if self.peft_config is not None:
            from nlp_transfer.models.adapters import peft_model

            model = peft_model(model, self.peft_config, self.context.new_parameters if self.context else ())
        return model

    def call_model_init(self, trial: Any = None) -> nn.Module:
        """As in `Trainer`, with the methods applied to each new model (hyper-parameter search makes many)."""
        return self._transfer(super().call_model_init(trial))

    def _default_context(self, model: Any) -> Context:
        """The context for a Trainer that was given plain datasets and no task."""
        from transformers import DataCollatorWithPadding, default_data_collator

        from nlp_transfer.training.losses import macro_f1, row_loss

        train, validation = self._given["train_dataset"], self._given["eval_dataset"]
        validation = next(iter(validation.values())) if isinstance(validation, dict) else validation
        if train is None or (validation is None and not all(method.trains for method in self.methods)):
            missing = "train_dataset" if train is None else "eval_dataset"
            raise ConfigError(f"{missing} is missing: {self.methods[0].name} needs it to prepare the model.")
        tokenizer, args = self._given["processing_class"], self._given["args"]
        collate = self._given["data_collator"]
        if collate is None:
            collate = DataCollatorWithPadding(tokenizer) if tokenizer is not None else default_data_collator
        config = getattr(model, "config", None)
        return Context(
            train=train,
            validation=validation if validation is not None else train,
            collate=collate,
            loss=written_losses if is_encoder_decoder(model) else partial(row_loss, config=config),
            score=macro_f1,
            seed=args.seed if args is not None else Context.seed,
            activations=store_for(args),
            say=log_message,
            target=self._given["target_dataset"],
            masked_lm=lambda: masked_lm_for(plain_model(model)),
        )

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`. A method that fits the model itself (frozen_encoder) leaves nothing to train.

        Raises:
            ConfigError: the processes of the run would train different things.
            LostProcessError: another process ended.
        """
        self.prior_corrected = False
        resumes = args[0] if args else kwargs.get("resume_from_checkpoint")
        target = self._given["target_dataset"] if self.context is None else self.context.target
        check_trainers(self, target, methods=method_settings(self.methods), resume_from_checkpoint=bool(resumes))
        if any(not method.trains for method in self.methods):
            return TrainOutput(0, float("nan"), {"train_runtime": 0.0})
        with naming_lost_processes(self._last_checkpoint):
            return super().train(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """As in `Trainer`, with the learning rates that the methods set for some parameters."""
        optimizer = super().create_optimizer(model)
        target: Any = self.model if model is None else model
        rates: dict[int, float] = {}
        parameters = dict(target.named_parameters())
        for method in self.methods:
            for names, rate in method.parameter_groups(target, self.args.learning_rate):
                rates.update({id(parameters[name]): rate for name in names})
        if rates:
            split_by_rate(optimizer, rates, self.args.learning_rate)
        add_to_optimizer(self.networks, self.methods, optimizer)
        return optimizer

    def use_float32(self) -> None:
        """From here on, predict in float32 whatever the training's precision, as whoever loads the model will.

        Training is over after this. A model that is sharded over processes stays as it is.
        """
        if not (self.is_fsdp_enabled or self.is_deepspeed_enabled):
            self.accelerator.native_amp = False
            self.model = self.model_wrapped = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)

    # ---- saving ----

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """As in `Trainer`, but the pickled arguments that it writes never hold the Hub token.

        The sides of a network that share weights are saved each with its own.
        """
        if state_dict is None:
            state_dict = separate_weights(self.accelerator.unwrap_model(self.model))
        token, self.args.hub_token = self.args.hub_token, None
        try:
            super()._save(output_dir, state_dict)
        finally:
            self.args.hub_token = token


def default_extensions(methods: Sequence[Method]) -> tuple[Extension, ...]:
    """Return a trainer's extensions, the innermost first."""
    own = (method.extension() for method in methods)
    return (FastForward(), CheckpointSelection(), _MixinStates(), *(one for one in own if one is not None))


class _MixinStates(Extension):
    """Carry the states of what is no extension yet."""

    def state_dict(self) -> dict[str, Any]:
        return {**{name: getattr(self.trainer, name) for name in COUNTERS}, **self.trainer.network_states()}

    def load_state_dict(self, state: Any) -> None:
        for name in COUNTERS:
            setattr(self.trainer, name, state[name])
        self.trainer.load_network_states({name: value for name, value in state.items() if name not in COUNTERS})


def split_by_rate(optimizer: torch.optim.Optimizer, rates: dict[int, float], default: float) -> None:
    """Split an optimizer's groups in place, so that each parameter gets its own learning rate.

    Args:
        optimizer: built, not yet stepped, its groups with one learning rate.
        rates: learning rate by `id(parameter)`.
        default: the rate of all other parameters.
    """
    groups = []
    for group in optimizer.param_groups:
        by_rate: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_rate.setdefault(rates.get(id(parameter), default), []).append(parameter)
        groups += [{**group, "params": parameters, "lr": rate} for rate, parameters in by_rate.items()]
    optimizer.param_groups[:] = groups
