"""Apply methods to a trainer's model, and check the arguments that go with them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import EarlyStoppingCallback

from nlp_transfer.errors import ConfigError, did_you_mean, format_value
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import Method, prepare_all, source_free
from nlp_transfer.methods.context import Context
from nlp_transfer.models.families import learns_tokens, plain_model
from nlp_transfer.models.heads.masked_lm import masked_lm_for
from nlp_transfer.models.heads.token_losses import row_losses
from nlp_transfer.training.extensions.activation_cache import store_for
from nlp_transfer.training.extensions.adaptation_loss import make_networks
from nlp_transfer.training.extensions.checkpoint_selection import check_metric, check_one_validation, label_free_metric
from nlp_transfer.training.losses import primary_score, row_loss
from nlp_transfer.training.optimizer_step import overrides
from nlp_transfer.training.source_weights import DISTANCE, DISTANCE_WEIGHTS, SIZE, Sources, sources_of
from nlp_transfer.training.target_checks import check_adaptation, check_sources, check_target, check_token_outputs

OWN_ARGUMENTS = ("target_dataset", "methods", "peft_config", "context")
"""The arguments of a trainer that transformers' does not have."""

MethodLike = Method | type[Method] | str
"""A method, its class or its name."""

MethodsLike = MethodLike | Sequence[MethodLike] | None
"""The methods of a trainer, of which one may be given by itself."""

_ROW_LOSS = "and methods for a target domain need the loss of each row: give context=Context(…, loss=…) in its place."


def prepare_trainer(trainer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Check a trainer's arguments and apply its methods to the model; return the arguments of `Trainer`.

    Where a method reads no source, the target's rows become the `train_dataset` of `given`.
    """
    trainer.methods = as_methods(given["methods"])
    given["train_dataset"] = _training_rows(trainer.methods, given)
    trainer.peft_config, trainer.target_dataset = given["peft_config"], given["target_dataset"]
    trainer.context = given["context"]
    trainer.sources = _check_arguments(trainer, given)
    stock = {name: value for name, value in given.items() if name not in OWN_ARGUMENTS}
    if not stock["optimizer_cls_and_kwargs"]:
        del stock["optimizer_cls_and_kwargs"]  # Seq2SeqTrainer has no such argument
    if stock["model"] is not None:
        stock["model"] = apply_methods(trainer, stock["model"], given)
    if (patience := getattr(given["args"], "early_stopping_patience", None)) is not None:
        stopping = EarlyStoppingCallback(patience, given["args"].early_stopping_threshold)
        stock["callbacks"] = [*(stock["callbacks"] or []), stopping]
    return stock


def _training_rows(methods: Sequence[Method], given: Mapping[str, Any]) -> Any:
    """Return the rows that an epoch goes through: those of the target where a method reads no source."""
    name, train = source_free(methods), given["train_dataset"]
    if name is None or given["context"] is not None:
        return train
    if train is not None:
        raise ConfigError(f"train_dataset was given, and {name} learns from target_dataset alone. Leave it out.")
    return given["target_dataset"]


def as_methods(methods: MethodsLike) -> tuple[Method, ...]:
    """Return the methods of a trainer: of one or several, each itself, its class or its name; raise ConfigError.

    Example:
        >>> as_methods("coral") == as_methods([CORAL]) == as_methods(CORAL())
        True
    """
    several = (methods,) if isinstance(methods, Method | type | str) else tuple(methods or ())
    return tuple(_as_method(one, f"methods.{i}") for i, one in enumerate(several))


def _as_method(method: MethodLike, path: str) -> Method:
    """Return a method from itself, its class or its name, with the defaults of its settings; raise ConfigError."""
    if isinstance(method, Method):
        return method
    if isinstance(method, str) and method not in METHODS:
        raise ConfigError(f"{path}: {did_you_mean('method', method, METHODS)}")
    kind = METHODS[method] if isinstance(method, str) else method
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise ConfigError(f"{path} is {format_value(method)}; expected a method, such as LoRA(r=8), or its name.")
    try:
        return kind()
    except TypeError as error:
        raise ConfigError(f"{path}: {kind.name} has settings without a default. Write {kind.__name__}(…).") from error


def _check_arguments(trainer: Any, given: Mapping[str, Any]) -> Sources | None:
    """Check a trainer's arguments against its methods and target; return the domains of its rows, if several."""
    methods, args, context, train = trainer.methods, given["args"], given["context"], given["train_dataset"]
    if context is not None and given["target_dataset"] is not None:
        raise ConfigError("target_dataset and context were both given: the context's target counts. Give one.")
    weights = getattr(args, "source_weights", SIZE)
    sources = sources_of(train, needed=trainer.adapts or weights != SIZE)
    check_sources(sources, train, args)
    target = given["target_dataset"] if context is None else context.target
    classes = getattr(getattr(given["model"], "config", None), "num_labels", None)
    needs = label_free_metric(args) or (DISTANCE_WEIGHTS if weights == DISTANCE else None)
    check_target(methods, target, [needs] if needs else [], train, classes)
    check_adaptation(methods, args, target, train, tokenizer=given["processing_class"])
    if given["compute_metrics"] is None:
        check_metric(args, context)
    check_one_validation(args, given["eval_dataset"])
    if trainer.adapts:
        _check_loss(trainer, given)
    return sources


def _check_loss(trainer: Any, given: Mapping[str, Any]) -> None:
    """Check that the loss of each row is known, and that the methods' networks can be trained."""
    if given["context"] is None and given["compute_loss_func"] is not None:
        raise ConfigError(f"compute_loss_func was given, {_ROW_LOSS}")
    if overrides(trainer, "compute_loss"):
        raise ConfigError(f"{type(trainer).__name__} has a compute_loss of its own, {_ROW_LOSS}")
    if given["optimizers"][0] is not None:
        raise ConfigError(
            "optimizers was given, and methods for a target domain add networks of their own to the optimizer. "
            "Leave it out: optimizer_cls_and_kwargs and the arguments choose one."
        )


def apply_methods(trainer: Any, model: Any, given: Mapping[str, Any]) -> Any:
    """Apply a trainer's methods, then its PEFT configuration, to a model; return the model to train."""
    if learns_tokens(model):
        check_token_outputs(trainer.methods)
    if trainer.methods or given["target_dataset"] is not None:
        trainer.context = trainer.context or _default_context(trainer.methods, model, given)
        if given["args"] is not None:
            model = model.to(given["args"].device)  # methods may run the model over all rows
        model = prepare_all(trainer.methods, model, trainer.context)
        trainer.networks = None
        if trainer.adapts:
            sources = 1 if trainer.sources is None else len(trainer.sources.names)
            trainer.networks = make_networks(active_methods(trainer.methods), model, trainer.context, sources)
    if trainer.peft_config is not None:
        from nlp_transfer.models.adapters import peft_model

        new_parameters = trainer.context.new_parameters if trainer.context else ()
        model = peft_model(model, trainer.peft_config, new_parameters)
    return model


def _default_context(methods: Sequence[Method], model: Any, given: Mapping[str, Any]) -> Context:
    """Return the context of a trainer without a task; raise ConfigError where a dataset is missing."""
    from transformers import DataCollatorWithPadding, default_data_collator

    train, validation = given["train_dataset"], given["eval_dataset"]
    validation = next(iter(validation.values())) if isinstance(validation, dict) else validation
    if train is None:
        raise ConfigError(f"train_dataset is missing: {methods[0].name} needs it to prepare the model.")
    tokenizer, args, collate = given["processing_class"], given["args"], given["data_collator"]
    if collate is None:
        collate = DataCollatorWithPadding(tokenizer) if tokenizer is not None else default_data_collator
    config = getattr(model, "config", None)
    loss: Callable[..., Any] = row_losses if learns_tokens(model) else partial(row_loss, config=config)
    return Context(
        train=train,
        validation=validation if validation is not None else _no_rows(train),
        collate=collate,
        loss=loss,
        score=primary_score,
        seed=args.seed if args is not None else Context.seed,
        bf16=args is not None and args.bf16,
        activations=store_for(args),
        target=given["target_dataset"],
        masked_lm=lambda: masked_lm_for(plain_model(model)),
    )


def _no_rows(dataset: Any) -> Any:
    """Return a dataset without rows, of the same kind where it is one of `datasets`."""
    return dataset.select([]) if hasattr(dataset, "select") else []


def set_learning_rates(
    optimizer: torch.optim.Optimizer, methods: Sequence[Method], model: nn.Module, default: float
) -> None:
    """Split an optimizer's groups in place, so that each parameter gets the learning rate that methods set for it."""
    parameters = dict(model.named_parameters())
    set_rates = (group for method in methods for group in method.parameter_groups(model, default))
    rates = {id(parameters[name]): rate for names, rate in set_rates for name in names}
    groups = []
    for group in optimizer.param_groups if rates else ():
        by_rate: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_rate.setdefault(rates.get(id(parameter), default), []).append(parameter)
        groups += [{**group, "params": parameters, "lr": rate} for rate, parameters in by_rate.items()]
    optimizer.param_groups[:] = groups or optimizer.param_groups
