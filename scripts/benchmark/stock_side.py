"""The stock side, written by the book of transformers and peft: same model, rows, recipe, epochs and seed.

Dynamic padding, the model's own loss and dropout, the DataLoader's and optimizer's defaults; what a method keeps frozen
is frozen by `requires_grad`, and its encoder run again in every epoch.
"""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import PreTrainedModel, Trainer, TrainingArguments, pipeline

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.methods import FrozenEncoder, LoRA, PartialFineTuning
from nlp_transfer.models.families import encoder_layers, family, lora_targets, train_only
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.stock import load_stock_model, stock_trainer, stock_values
from scripts.benchmark.cases import Case
from scripts.benchmark.machine import Meter
from scripts.benchmark.rows import CaseRows

PIPELINE_BATCH_ROWS = 32


def build(
    case: Case,
    config: Experiment,
    rows: CaseRows,
    folder: Path,
    *,
    trainer_class: type[Trainer] = Trainer,
    arguments_class: type[TrainingArguments] = TrainingArguments,
) -> Trainer:
    """Build the stock Trainer of a case.

    Args:
        case: what is compared.
        config: its configuration, with a seed.
        rows: its rows.
        folder: where it may write.
        trainer_class: built in place of `Trainer`, as by import.
        arguments_class: likewise, of its arguments.
    """
    model = load_stock_model(
        model_folder(config.model, revision=config.revision),
        len(rows.task.label_names),
        multi_label=rows.task.multi_label,
        seed=config.training.seed,
    )
    arguments = stock_arguments(case, config.training, folder, arguments_class)
    return stock_trainer(prepare(model, config), arguments, rows.encoded, rows.tokenizer, trainer_class=trainer_class)


def stock_arguments(
    case: Case, recipe: TransferArguments, folder: Path, kind: type[TrainingArguments] = TrainingArguments
) -> TrainingArguments:
    """Return the stock arguments that the benchmark file sets; the others are transformers' own defaults."""
    own = {
        "output_dir": str(folder),
        "seed": recipe.seed,
        "use_cpu": case.settings.device == "cpu",
        "bf16": recipe.bf16,
    }
    return kind(**{**stock_values(recipe, case.tree["training"]), **own})


def prepare(model: PreTrainedModel, config: Experiment) -> nn.Module:
    """Freeze or adapt as the case's method does, with torch and peft only."""
    method = config.methods[0]
    if isinstance(method, FrozenEncoder):
        model.base_model.requires_grad_(False)
    elif isinstance(method, PartialFineTuning):
        layers = list(encoder_layers(model))
        heads = [model.get_submodule(name) for name in family(model).head]
        train_only(model, [*layers[len(layers) - method.layers :], *heads])
    elif isinstance(method, LoRA):
        adapter = LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=method.r,
            lora_alpha=2 * method.r if method.alpha is None else method.alpha,
            lora_dropout=method.dropout,
            target_modules=method.target_modules or lora_targets(model),
            use_dora=method.use_dora,
            use_rslora=method.use_rslora,
            modules_to_save=list(family(model).head),
        )
        return get_peft_model(model, adapter)
    return model


def predict(classifier: str, texts: list[str], device: torch.device, meter: Meter) -> list[str]:
    """Return the class of each text, predicted by a pipeline; the model is loaded before the meter runs."""
    classify: Any = pipeline("text-classification", model=classifier, device=device)
    with meter:
        found = classify(texts, batch_size=PIPELINE_BATCH_ROWS, truncation=True)
    return [one["label"] for one in found]
