"""Adapters by PEFT, with no head lost.

PEFT saves an adapter's own weights and the modules named in `modules_to_save`. For sequence classification it names
`classifier` and `score` only; a freshly initialised pooler stays random, frozen and unsaved, and the logits change
after a reload (https://github.com/huggingface/peft/issues/2171). The rule kept here: every parameter that the
checkpoint did not hold, and that the logits depend on, is inside a saved module; so is the whole head.
"""

import copy
from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftConfig, PeftModel, TaskType, get_peft_model
from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.families import head_modules, is_known_classifier, lora_targets, plain_model, unused_parameters

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def peft_model(model: "PreTrainedModel", peft_config: PeftConfig, new_parameters: tuple[str, ...] = ()) -> PeftModel:
    """Put an adapter on a model, its head and every new parameter inside saved modules.

    Args:
        model: the model with its fresh head; any transformers model.
        peft_config: any PEFT configuration; it is copied. A missing `task_type` becomes SEQ_CLS for classifiers,
            missing `target_modules` of LoRA become every linear layer of the encoder's layers.
        new_parameters: names of parameters that the checkpoint did not hold.

    Raises:
        ConfigError: the model has an adapter already, PEFT refuses the configuration, or the kind of adapter cannot
            save the new parameters.
    """
    refuse_second_adapter(model)
    config: Any = copy.deepcopy(peft_config)
    if config.task_type is None and type(model).__name__.endswith("ForSequenceClassification"):
        config.task_type = TaskType.SEQ_CLS
    known = is_known_classifier(model)
    if known and isinstance(config, LoraConfig) and config.target_modules is None and config.target_parameters is None:
        config.target_modules = lora_targets(model)
    if hasattr(config, "modules_to_save"):
        wanted = [*(config.modules_to_save or []), *saved_modules(model, new_parameters)]
        config.modules_to_save = list(dict.fromkeys(wanted))
    try:
        adapted = get_peft_model(model, config)
    except (ValueError, TypeError) as error:
        hint = f" Linear layers of its encoder, for target_modules: {', '.join(lora_targets(model))}." if known else ""
        kind = type(peft_config).__name__
        raise ConfigError(f"PEFT refuses this {kind} for {type(model).__name__}: {error}{hint}") from error
    assert isinstance(adapted, PeftModel)
    lost = unsaved_new_parameters(adapted, new_parameters)
    if lost:
        raise ConfigError(
            f"{type(peft_config).__name__} does not save {', '.join(lost)}, which the checkpoint did not hold: they "
            "would stay random, and be other random numbers after a reload. Use an adapter that has modules_to_save "
            "(LoRA, IA3, …), or start from a checkpoint that holds them."
        )
    return adapted


def saved_modules(model: "PreTrainedModel", new_parameters: tuple[str, ...]) -> list[str]:
    """Modules that an adapter must save: the head, and the owner of each new parameter outside it.

    Of a network that is no classifier of a known family only the new parameters are known.
    """
    modules = head_modules(model) if is_known_classifier(model) else []
    unused = _unused(model)
    for name in new_parameters:
        owner = name.rpartition(".")[0]
        if name not in unused and not any(name.startswith(f"{module}.") for module in modules):
            modules.append(owner)
    return modules


def unsaved_new_parameters(model: PeftModel, new_parameters: tuple[str, ...]) -> list[str]:
    """New parameters that the logits depend on and that no saved module holds."""
    from peft.utils.other import AuxiliaryTrainingWrapper

    plain = plain_model(model)
    wrapped = [name for name, module in plain.named_modules() if isinstance(module, AuxiliaryTrainingWrapper)]
    unused = _unused(plain)
    return [
        name
        for name in new_parameters
        if name not in unused and not any(name.startswith(f"{module}.") for module in wrapped)
    ]


def merge(model: PeftModel) -> "PreTrainedModel":
    """The plain model with the adapter's change added to its weights.

    Raises:
        ConfigError: this kind of adapter cannot be merged.
    """
    base: Any = model.base_model
    if not hasattr(base, "merge_and_unload"):
        kind = type(model.active_peft_config).__name__
        raise ConfigError(f"An adapter made by {kind} cannot be merged into the weights; save it as an adapter.")
    return base.merge_and_unload()


def refuse_second_adapter(model: "nn.Module") -> None:
    """Refuse to put an adapter on a model that has one.

    Raises:
        ConfigError: the model has an adapter.
    """
    if isinstance(model, PeftModel):
        raise ConfigError("The model has an adapter already. Use one adapter a run: one of lora and peft_config.")


def refuse_adapter(method: str, model: "nn.Module") -> None:
    """Refuse a model with an adapter: setting its weights free would undo what the adapter is for.

    Raises:
        ConfigError: the model has an adapter.
    """
    if isinstance(model, PeftModel):
        raise ConfigError(
            f"methods: {method} decides which of the encoder's own weights move, but the model has an adapter, whose "
            "point is that they do not. Remove one of the two."
        )


def _unused(model: "PreTrainedModel") -> set[str]:
    return set(unused_parameters(model)) if is_known_classifier(model) else set()
