"""What TransferTrainer adds to `transformers.Trainer`, as a mixin that its Seq2Seq twin shares.

Silent faults of the stock loop that are removed here:

* A head that takes `**kwargs` but ignores `num_items_in_batch` makes the stock loop skip its own averaging, so that
  gradients grow with accumulation steps and processes. Here every mean-reduced loss is weighted by its share of the
  update's items (rows, or tokens with a label), so one update is the same for one process, accumulation and DDP,
  with uneven micro-batches too.
* A loss that is not finite is logged as 0.0. Here it stops the run (finite.py).
* The evaluation loss repeats each batch's mean for all of its rows, a short last batch included, which is wrong on
  several processes. Here it is the mean over rows.
* Grouping by length reorders predictions, and draws from the global random state. Here neither.
* `training_args.bin` holds the Hub token, and goes to the Hub with the whole output folder. Here neither
  (publishing.py).
* Every process of several draws the same dropout masks. Here each draws its own.
* The frozen part of an encoder is computed in every epoch, with dropout. Here once, without (activations.py).
* A checkpoint may be torn, and a resumed run differ from an uninterrupted one. Here neither (resuming.py).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import SequentialSampler
from transformers import EarlyStoppingCallback
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.trainer_utils import EvalLoopOutput, TrainOutput

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context, Method, prepare_all
from nlp_transfer.models.encoder_decoder import separate_weights
from nlp_transfer.models.families import is_encoder_decoder, plain_model
from nlp_transfer.models.masked_lm import masked_lm_for
from nlp_transfer.training.activations import ActivationsMixin, said, store_for
from nlp_transfer.training.adaptation import AdaptationMixin
from nlp_transfer.training.fast_path import FastPathMixin
from nlp_transfer.training.finite import FiniteMixin
from nlp_transfer.training.memory import MemoryMixin
from nlp_transfer.training.method_networks import add_to_optimizer, make_networks
from nlp_transfer.training.pooled import written_losses
from nlp_transfer.training.publishing import PublishingMixin
from nlp_transfer.training.resuming import ResumingMixin
from nlp_transfer.training.sampling import LengthGroupedSampler, ShuffledSampler
from nlp_transfer.training.selection import SelectionMixin, check_metric, label_free_metric
from nlp_transfer.training.sources import DISTANCE, DISTANCE_WEIGHTS, SIZE, SourceDraws, sources_of
from nlp_transfer.training.target_checks import check_pairs, check_sources, check_target
from nlp_transfer.training.target_rows import DOMAIN, NO_LABEL

if TYPE_CHECKING:
    from peft import PeftConfig


class TransferMixin(
    ActivationsMixin,
    FiniteMixin,
    MemoryMixin,
    AdaptationMixin,
    ResumingMixin,
    SelectionMixin,
    FastPathMixin,
    PublishingMixin,
):
    """See the module's text. Use `TransferTrainer`."""

    _own_sampler: ShuffledSampler | None = None

    scored_rows: Any = None
    """The dataset that is scored, all columns included: what `compute_metrics` may need beside arrays."""

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
        self._context = context
        self.shown = {}
        if context is not None and target_dataset is not None:
            raise ConfigError("target_dataset and context were both given: the context's target counts. Give one.")
        self._sources = sources_of(train_dataset)
        check_sources(self._sources, train_dataset, args)
        weighs = DISTANCE_WEIGHTS if getattr(args, "source_weights", SIZE) == DISTANCE else None
        target = target_dataset if context is None else context.target
        check_target(self.methods, target, label_free_metric(args) or weighs)
        check_pairs(self.methods, args)
        if compute_metrics is None:
            check_metric(args, context)
        if self.adapts and context is None and compute_loss_func is not None:
            raise ConfigError(
                "compute_loss_func was given, and methods for a target domain need the loss of each row. Leave it out, "
                "or give a context with such a loss: context=Context(…, loss=…)."
            )
        if self.adapts and optimizers[0] is not None:
            raise ConfigError(
                "optimizers was given, and methods for a target domain add networks of their own to the optimizer. "
                "Leave it out: optimizer_cls_and_kwargs and the arguments choose one."
            )
        self._given = {
            "target": target_dataset,
            "train": train_dataset,
            "validation": eval_dataset,
            "collator": data_collator,
            "tokenizer": processing_class,
            "args": args,
        }
        if model is not None:
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
        self.args.logging_nan_inf_filter = False
        trained: Any = self.model
        for method in self.methods:
            for callback in method.callbacks(trained):
                self.add_callback(callback)
        self._weigh_losses()

    # ---- methods ----

    def _transfer(self, model: Any) -> Any:
        """Apply the methods, then the PEFT configuration, to a model."""
        if self.methods or self._given["target"] is not None:
            self._context = self._context or self._default_context(model)
            if self._given["args"] is not None:
                model = model.to(self._given["args"].device)  # methods may run the model over all rows
            model = prepare_all(self.methods, model, self._context)
            sources = 1 if self._sources is None else len(self._sources.names)
            self._networks = None
            if self.adapts:
                self._networks = make_networks(
                    self.methods,
                    model,
                    seed=self._context.seed,
                    sources=sources,
                    masked_lm=self._context.masked_lm,
                )
        if self.peft_config is not None:
            from nlp_transfer.models.adapters import peft_model

            model = peft_model(model, self.peft_config, self._context.new_parameters if self._context else ())
        return model

    def call_model_init(self, trial: Any = None) -> nn.Module:
        """As in `Trainer`, with the methods applied to each new model (hyper-parameter search makes many)."""
        return self._transfer(super().call_model_init(trial))

    def _default_context(self, model: Any) -> Context:
        """The context for a Trainer that was given plain datasets and no task."""
        from transformers import DataCollatorWithPadding, default_data_collator

        from nlp_transfer.training.losses import macro_f1, row_loss

        train, validation = self._given["train"], self._given["validation"]
        validation = next(iter(validation.values())) if isinstance(validation, dict) else validation
        if train is None or (validation is None and not all(method.trains for method in self.methods)):
            missing = "train_dataset" if train is None else "eval_dataset"
            raise ConfigError(f"{missing} is missing: {self.methods[0].name} needs it to prepare the model.")
        tokenizer, args = self._given["tokenizer"], self._given["args"]
        collate = self._given["collator"]
        if collate is None:
            collate = DataCollatorWithPadding(tokenizer) if tokenizer is not None else default_data_collator
        config = model.config
        return Context(
            train=train,
            validation=validation if validation is not None else train,
            collate=collate,
            loss=written_losses if is_encoder_decoder(model) else partial(row_loss, config=config),
            score=macro_f1,
            seed=args.seed if args is not None else Context.seed,
            activations=store_for(args),
            say=said,
            target=self._given["target"],
            masked_lm=lambda: masked_lm_for(plain_model(model)),
        )

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`. A method that fits the model itself (frozen_encoder) leaves nothing to train."""
        if any(not method.trains for method in self.methods):
            return TrainOutput(0, float("nan"), {"train_runtime": 0.0})
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
        add_to_optimizer(self._networks, self.methods, optimizer)
        return optimizer

    # ---- loss ----

    def _weigh_losses(self) -> None:
        """Decide whether losses are means that this class weighs, and switch the stock handling off if so."""
        inner = self.accelerator.unwrap_model(self.model)
        inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        # Causal language models do use num_items_in_batch, and shift their labels: theirs is left alone.
        causal = type(inner).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
        self._weighs_losses = self.compute_loss_func is None and not causal
        if self._weighs_losses:
            self.model_accepts_loss_kwargs = False
            self.loss_is_scaled_for_ga = True

    def parts_add_up(self) -> bool:
        """Whether the loss is weighed here, or by `update_mean`, by its share of the update's items."""
        own = type(self).compute_loss is not TransferMixin.compute_loss
        return not own and (self._weighs_losses or getattr(self.compute_loss_func, "adds_up", False))

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor | int | None:
        if not self._weighs_losses:
            return super()._get_num_items_in_batch(batch_samples, device)
        items = torch.tensor(float(sum(self._items(batch) for batch in batch_samples)), device=device)
        return self.accelerator.gather(items).sum()

    def _items(self, batch: Any) -> float:
        """How many terms the batch's mean loss has: labels that are not ignored, or rows where labels are unknown."""
        names = [name for name in self.label_names if isinstance(batch.get(name), Tensor)]
        if names:
            return float((batch[names[0]] != NO_LABEL).sum())
        return float(len(next(value for value in batch.values() if isinstance(value, Tensor))))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """As in `Trainer`; in training, a mean loss is weighted by its share of the update (see the module)."""
        if not self._weighs_losses or DOMAIN in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        items = self._items(inputs)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        if model.training and num_items_in_batch is not None:
            # DDP averages gradients over processes, hence their number. A mean over no items would be NaN.
            share = self.accelerator.num_processes * items / num_items_in_batch if items else 0.0
            loss = loss * share if items else outputs["logits"].sum() * 0.0
        return (loss, outputs) if return_outputs else loss

    # ---- rows ----

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        seed = self.args.data_seed if self.args.data_seed is not None else self.args.seed
        draws = self._source_draws(dataset, seed)
        grouped = self.args.train_sampling_strategy == "group_by_length" and hasattr(dataset, "__len__")
        if not grouped and draws is None:
            return super()._get_train_sampler(train_dataset)
        if not grouped:
            self._own_sampler = ShuffledSampler(len(dataset), seed, draws)
            return self._own_sampler
        column = self.args.length_column_name
        if column in getattr(dataset, "column_names", ()):
            lengths = list(dataset[column])
        else:
            lengths = [len(row["input_ids"]) for row in dataset]
        self._own_sampler = LengthGroupedSampler(
            lengths,
            batch_size=self._train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size,
            seed=seed,
            draws=draws,
        )
        return self._own_sampler

    def _source_draws(self, dataset: Any, seed: int) -> SourceDraws | None:
        """What decides which of the rows an epoch has; None where each comes once."""
        weights, sources = getattr(self.args, "source_weights", SIZE), sources_of(dataset)
        if sources is None or weights == SIZE:
            return None
        target = self._context.target if self._context is not None else self._given["target"]
        shares = sources.shares(weights, dataset, target)
        if self._context is not None:
            self._context.facts["rows of each source"] = sources.facts(shares)
        return SourceDraws(sources.domains, shares, seed)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`; the epoch reaches the sampler also where loaders are wrapped in one another (resuming).

        Trainer seeds all processes alike, so that row i of each has the same dropout mask; here each draws its own.
        """
        if self.args.world_size > 1 and self.state.global_step == 0:
            torch.manual_seed(self.args.seed + self.args.process_index)
        if self._own_sampler is not None:
            self._own_sampler.set_epoch(kwargs["epoch"])
        if hasattr(self.data_collator, "set_epoch"):  # it draws something anew in each epoch
            self.data_collator.set_epoch(kwargs["epoch"])
        super()._run_epoch(*args, **kwargs)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """As in `Trainer`; notes which rows are scored."""
        given: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        self.scored_rows = self.eval_dataset[given] if isinstance(given, str) and self.eval_dataset else given
        return super().get_eval_dataloader(eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        """As in `Trainer`; notes which rows are scored."""
        self.scored_rows = test_dataset
        return super().get_test_dataloader(test_dataset)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        """Always in the dataset's order: predictions are matched to rows by position."""
        if self.args.world_size > 1 or not hasattr(eval_dataset, "__len__"):
            return None
        return SequentialSampler(eval_dataset)

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in `Trainer`; the loss of a classifier is the mean over its rows, on any number of processes."""
        from nlp_transfer.training.losses import is_classifier, mean_loss

        classifies = is_classifier(self.model) and self.preprocess_logits_for_metrics is None
        output = super().evaluation_loop(
            dataloader,
            description,
            prediction_loss_only=False if classifies and not self.args.prediction_loss_only else prediction_loss_only,
            ignore_keys=ignore_keys,
            metric_key_prefix=metric_key_prefix,
        )
        logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
        if classifies and isinstance(logits, np.ndarray) and isinstance(output.label_ids, np.ndarray):
            loss = mean_loss(torch.from_numpy(logits), torch.from_numpy(output.label_ids), self)
            output = output._replace(metrics={**(output.metrics or {}), f"{metric_key_prefix}_loss": loss})
        return output

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
