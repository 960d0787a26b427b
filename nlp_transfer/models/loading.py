"""Load a pretrained encoder with a new head, and report the parameters that the checkpoint lacks.

Weights are float32 whatever the checkpoint holds, so that a bfloat16 file does not train in bfloat16. Only safetensors
are read, and no file outside the folder. A head that was trained for other labels is replaced and counted as new.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.extractive_config import saved_config
from nlp_transfer.models.families import family, final_linear, unknown_family_error
from nlp_transfer.models.family_table import FAMILIES
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.files.resolve import check_config, check_folder, origin_of, read_problem, resolve_model
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.speed.attention_dropout import set_in_config
from nlp_transfer.models.tokenizer_loading import quiet_loading

ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]
"""The kinds of labels, by which transformers chooses losses and what pipelines show."""


@dataclass(frozen=True)
class LoadedModel:
    """Hold a loaded model with the facts that a run needs.

    Args:
        new_parameters: names of parameters that the checkpoint lacks: the head, sometimes a pooler.
        origin: source of the weights, for reports.
        max_positions: maximum number of tokens of a text, with special tokens; None without a limit.
    """

    model: PreTrainedModel
    new_parameters: tuple[str, ...]
    origin: str
    max_positions: int | None = None
    notes: tuple[str, ...] = ()


def load_encoder_with_head(
    reference: ModelReference,
    *,
    label_names: Sequence[str],
    problem_type: ProblemType = "single_label_classification",
    auto_class: Any = AutoModelForSequenceClassification,
) -> LoadedModel:
    """Load a pretrained encoder with a head for the given labels, in the order of their ids.

    Args:
        label_names: of the outputs, for regression of its numbers.
        auto_class: of transformers; that of images takes any encoder which it knows.
    """
    folder, config = read_config(reference, known=auto_class is not AutoModelForImageClassification)
    if auto_class is AutoModelForImageClassification and type(config) not in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
        raise ConfigError(
            f"model: {reference.model} is a {config.model_type}, of which transformers makes no classifier of images. "
            "Expected a model that its AutoModelForImageClassification knows, such as microsoft/resnet-50."
        )
    names = [str(label) for _, label in sorted((config.id2label or {}).items())]
    old_labels = None if all(re.fullmatch(r"LABEL_\d+", label) for label in names) else names
    config.id2label = dict(enumerate(label_names))
    config.label2id = {label: index for index, label in enumerate(label_names)}
    config.problem_type = problem_type
    model, info = read_weights(auto_class, reference, folder, config)
    new, notes = _new_parameters(model, info, reference.model, old_labels, list(label_names))
    return LoadedModel(model, new, origin_of(reference.model, folder), max_positions(config), notes)


def load_pretrained(auto_class: Any, reference: ModelReference) -> tuple[LoadedModel, list[str]]:
    """Load a model of a known family by an Auto class; return it with the sorted names that the checkpoint lacks."""
    folder, config = read_config(reference, known=True)
    model, info = read_weights(auto_class, reference, folder, config)
    missing = missing_names(info)
    new = tuple(key for key, _ in model.named_parameters() if key in set(missing))
    return LoadedModel(model, new, origin_of(reference.model, folder), max_positions(config)), missing


def missing_names(info: dict[str, Any]) -> list[str]:
    """Return the sorted names of tensors that a checkpoint lacks or holds in another shape."""
    return sorted({*info["missing_keys"], *(str(key) for key, *_ in info["mismatched_keys"])})


def read_config(reference: ModelReference, *, known: bool = False) -> tuple[Path, PreTrainedConfig]:
    """Return the folder of a model, and its configuration, if `known` only of a family in the table."""
    name, code = reference.model, reference.trust_remote_code
    if (source := Path(resolve_model(name))).is_dir():
        check_config(name, source)  # before a folder that holds no model is walked
    folder = model_folder(name, revision=reference.revision, trust_remote_code=code)
    check_folder(name, folder)
    try:
        with quiet_loading():
            config = saved_config(folder, trust_remote_code=code)
    except Exception as error:  # as many kinds as there are values
        raise ConfigError(read_problem(name, "config.json", error)) from error
    if known and config.model_type not in FAMILIES:
        raise ConfigError(f"model: {name}: {unknown_family_error(config.model_type)}")
    return folder, config


def read_weights(
    auto_class: Any, reference: ModelReference, folder: Path, config: PreTrainedConfig
) -> tuple[Any, dict[str, Any]]:
    """Load the network of a configuration, float32; return it with transformers' loading info."""
    set_in_config(config, reference.attention_dropout)
    try:
        with quiet_loading():
            model, info = auto_class.from_pretrained(
                folder,
                config=config,
                trust_remote_code=reference.trust_remote_code,
                dtype=torch.float32,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # PyTorch, safetensors and transformers raise many kinds
        torn = isinstance(error, OSError | SafetensorError)
        what = "safetensors weights" if torn else "config.json or its weights"
        raise ConfigError(read_problem(reference.model, what, error)) from error
    return model, info


def _new_parameters(
    model: PreTrainedModel, info: dict[str, Any], name: str, old_labels: list[str] | None, labels: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of parameters that the checkpoint did not hold, and notes on replaced ones."""
    heads = tuple(f"{module}." for module in family(model).head)
    mismatched = info["mismatched_keys"]
    if wrong := [one for one in mismatched if not str(one[0]).startswith(heads)]:
        shapes = ", ".join(f"{key} ({list(old)}, expected {list(new)})" for key, old, new in wrong)
        raise ConfigError(f"model: {name}: weights do not fit the sizes in its config.json: {shapes}.")
    parameters = [parameter for parameter, _ in model.named_parameters()]
    fresh = set(missing_names(info))
    lost = [key for key in parameters if key in fresh and not key.startswith(heads) and "pooler" not in key]
    if len(lost) > len(parameters) // 2:
        raise ConfigError(
            f"model: {name}: its weights hold almost nothing of a {type(model).__name__} ({len(lost)} parameters are "
            f"missing, among them {lost[0]}). Name the folder of the encoder itself."
        )
    notes = [random_parameters_note(lost)] if lost else []
    inside = f"{model.base_model_prefix}."
    if any(key.startswith(inside) and key.startswith(heads) for key in parameters if key in fresh):
        notes.append("The checkpoint holds no pooler, which a classifier reads: it is new, and random.")
    linear_name, linear = final_linear(model)
    linear_keys = {f"{linear_name}.{key}" for key, _ in linear.named_parameters()}
    if linear_keys & fresh:
        notes += ["A head for other labels was replaced by a new one."] if mismatched else []
    elif old_labels is not None and old_labels != labels:
        # As many classes, but others.
        torch.nn.init.normal_(linear.weight, std=float(getattr(model.config, "initializer_range", 0.02)))
        torch.nn.init.zeros_(linear.bias)
        fresh |= linear_keys
        notes.append(f"A head for the labels {', '.join(old_labels)} was replaced by a new one.")
    else:
        notes.append("The checkpoint's own head for these labels is kept.")
    return tuple(key for key in parameters if key in fresh), tuple(notes)


def random_parameters_note(lost: list[str]) -> str:
    """Return a note on parameters of the encoder that the checkpoint does not hold."""
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return (
        f"The checkpoint lacks {len(lost)} of the encoder's parameters, which are random: {', '.join(lost[:3])}{more}."
    )


def max_positions(config: PreTrainedConfig) -> int | None:
    """Return the number of usable positions, None for no limit; families after RoBERTa start behind the padding id."""
    if getattr(config, "max_position_embeddings", None) is None:
        return None
    positions = int(config.max_position_embeddings)
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet"):
        return positions - int(config.pad_token_id) - 1
    if config.model_type in ("deberta", "deberta-v2") and not getattr(config, "position_biased_input", True):
        return None  # relative positions only
    return positions
