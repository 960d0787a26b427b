"""Put PEFT adapters on a model without losing its head.

PEFT saves an adapter's own weights and `modules_to_save`, for classifiers `classifier` and `score` only; a freshly
initialised pooler stays random, frozen and unsaved (https://github.com/huggingface/peft/issues/2171). Here the whole
head, and every other parameter that the checkpoint did not hold, is inside a saved module.
"""

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, TaskType, get_peft_model
from peft.utils.other import AuxiliaryTrainingWrapper, ModulesToSaveWrapper
from torch import nn
from transformers import PreTrainedModel

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.models.families import (
    family,
    has_known_head,
    is_encoder_decoder,
    is_known,
    lora_targets,
    plain_model,
    unused_parameters,
)
from nlp_transfer.models.heads.encoder_decoder import check_separate_weights
from nlp_transfer.models.image_family import reads_images

_TOKEN_HEADS = ("ForTokenClassification", "ForQuestionAnswering")


def peft_model(model: Any, peft_config: PeftConfig, new_parameters: tuple[str, ...] = ()) -> PeftModel:
    """Put an adapter on a model, its head and every new parameter inside saved modules.

    Args:
        model: the model with its new head; of transformers, or any other if the configuration names the layers.
        peft_config: is copied. A missing `task_type` becomes SEQ_CLS for classifiers, missing `target_modules` of LoRA
            every linear layer of the encoder's layers, and the sizes that a prompt needs are the model's.
        new_parameters: names of parameters that the checkpoint lacks.
    """
    check_no_adapter(model)
    check_separate_weights(model)
    config = _completed(peft_config, model, new_parameters)
    try:
        with warnings.catch_warnings():  # PEFT reads transformers' name of before, which the user cannot mend
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            adapted = get_peft_model(model, config)
    except (ValueError, TypeError, StopIteration) as error:
        targets = ", ".join(lora_targets(model)) if is_known(model) else ""
        hint = f" Linear layers of its encoder, for target_modules: {targets}." if targets else ""
        kind, reason = type(peft_config).__name__, str(error).rstrip(". ") or "a module that it names has no weights"
        raise ConfigError(f"PEFT refuses this {kind} for {type(model).__name__}: {reason}.{hint}") from error
    assert isinstance(adapted, PeftModel)
    lost = unsaved_new_parameters(adapted, new_parameters)
    if lost:
        raise ConfigError(
            f"{type(peft_config).__name__} does not save {', '.join(lost)}, which the checkpoint did not hold: they "
            "would stay random. Use an adapter that has modules_to_save (LoRA, IA3, …)."
        )
    return adapted


def _completed(peft_config: PeftConfig, model: Any, new_parameters: tuple[str, ...]) -> Any:
    """Return a copy of the configuration with the settings that the model decides; see `peft_model`."""
    config: Any = copy.deepcopy(peft_config)
    if config.task_type is None and type(model).__name__.endswith("ForSequenceClassification"):
        config.task_type = TaskType.SEQ_CLS
    if config.task_type is None and is_encoder_decoder(model):
        config.task_type = TaskType.SEQ_2_SEQ_LM
    named = [getattr(config, key, None) for key in ("target_modules", "target_parameters")]
    if named == [None, None] and isinstance(config, LoraConfig) and is_known(model):
        new = {name.rpartition(".")[0] for name in new_parameters} if is_encoder_decoder(model) else ()
        config.target_modules = [name for name in lora_targets(model) if name not in new]  # what is new trains in full
    elif not any(named) and not isinstance(model, PreTrainedModel):
        raise ConfigError(
            f"{type(peft_config).__name__} names no target_modules, so that it needs a transformers model, and "
            f"{type(model).__name__} is none. Name the layers, as in LoraConfig(target_modules=[…])."
        )
    if config.is_prompt_learning and (reads_images(model) or model.config.model_type == "longformer"):
        kind, network = type(peft_config).__name__, model.config.model_type
        raise ConfigError(f"{kind} hands the model embeddings, which a {network} does not take. Use another adapter.")
    if config.is_prompt_learning:  # PEFT knows them by some families' names only, and the width by a wrong one
        config.token_dim = config.token_dim or model.get_input_embeddings().embedding_dim
        config.num_layers = config.num_layers or model.config.num_hidden_layers
        config.num_attention_heads = config.num_attention_heads or model.config.num_attention_heads
    if hasattr(config, "modules_to_save"):
        wanted = [*(config.modules_to_save or []), *saved_modules(model, new_parameters)]
        config.modules_to_save = list(dict.fromkeys(wanted))
    return config


def try_peft_model(model: PreTrainedModel, peft_config: PeftConfig) -> None:
    """Raise the errors of `peft_model` on a copy of the model without weights; the model is not changed.

    Adapters that compute with the weights when they are made are not checked.
    """
    tensors = {id(p): nn.Parameter(p.to("meta"), requires_grad=p.requires_grad) for p in model.parameters()}
    buffers = {id(buffer): buffer.to("meta") for buffer in model.buffers()}
    weightless = copy.deepcopy(model, {**tensors, **buffers})
    try:
        with torch.random.fork_rng(devices=[]):
            peft_model(weightless, peft_config)
    except NotImplementedError:  # what PyTorch raises for a tensor without values
        return


def saved_modules(model: PreTrainedModel, new_parameters: tuple[str, ...]) -> list[str]:
    """Return the modules that an adapter must save: the head, and the owner of each new parameter outside it."""
    modules: list[str] = []
    if has_known_head(model):
        modules = list(family(model).head)
    elif type(model).__name__.endswith(_TOKEN_HEADS):
        outside = [(name, child) for name, child in model.named_children() if child is not model.base_model]
        modules = [name for name, child in outside if any(True for _ in child.parameters())]
    return [*modules, *(name.rpartition(".")[0] for name in _outside(model, new_parameters, modules))]


def unsaved_new_parameters(model: PeftModel, new_parameters: tuple[str, ...]) -> list[str]:
    """Return new parameters on which the logits depend and that no saved module holds."""
    plain = plain_model(model)
    wrapped = [name for name, module in plain.named_modules() if isinstance(module, AuxiliaryTrainingWrapper)]
    return _outside(plain, new_parameters, wrapped)


def _outside(model: PreTrainedModel, names: Sequence[str], modules: Sequence[str]) -> list[str]:
    """Return the names of parameters outside the modules, without those on which the logits do not depend."""
    unused = unused_parameters(model) if has_known_head(model) else []
    prefixes = tuple(f"{module}." for module in modules)
    return [name for name in names if name not in unused and not name.startswith(prefixes)]


def merge(model: PeftModel) -> PreTrainedModel:
    """Return the plain model with the adapter merged into its weights; save the adapter before you try."""
    base: Any = model.base_model
    kind = type(model.active_peft_config).__name__
    refusal = f"An adapter made by {kind} cannot be merged into the weights; save it as an adapter."
    if not hasattr(base, "merge_and_unload"):
        raise ConfigError(refusal)
    # Most kinds fail on a saved module that has no `weight` of its own, such as a pooler: take them out beforehand.
    saved = {name: module for name, module in base.model.named_modules() if isinstance(module, ModulesToSaveWrapper)}
    for name, wrapper in saved.items():
        trained = wrapper.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
        base.model.set_submodule(name, trained)
    try:
        return base.merge_and_unload()
    except (NotImplementedError, ValueError) as error:
        for name, wrapper in saved.items():
            base.model.set_submodule(name, wrapper)
        raise ConfigError(refusal) from error


def check_module_names(key: str, names: Sequence[str], model: PreTrainedModel, kind: type[nn.Module]) -> None:
    """Raise `ConfigError` for names, or ends of names, of no module of a kind; PEFT ignores them."""
    modules = {name: module for name, module in model.named_modules() if isinstance(module, kind)}
    unknown = [one for one in names if not any(name == one or name.endswith(f".{one}") for name in modules)]
    if unknown:
        what = "linear layer" if kind is nn.Linear else "module"
        choices = dict.fromkeys(name.rpartition(".")[2] for name, module in modules.items() if not [*module.children()])
        raise ConfigError([f"{key}: {did_you_mean(what, one, choices)}" for one in unknown])


def check_no_adapter(model: nn.Module) -> None:
    """Raise `ConfigError` if the model has an adapter already."""
    if isinstance(model, PeftModel):
        raise ConfigError("The model has an adapter already. Use one adapter a run: one of lora and peft.")


def check_adapter_conflict(method: str, model: nn.Module) -> None:
    """Raise `ConfigError` for a method that trains the encoder's own weights on a model with an adapter."""
    if isinstance(model, PeftModel):
        what = f"{method} decides which of the encoder's own weights move, but the model has an adapter"
        raise ConfigError(f"methods: {what}. Remove one of the two.")
