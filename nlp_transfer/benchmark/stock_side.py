"""What a user of transformers and peft writes by the book for the same model, rows, recipe, epochs and seed.

Dynamic padding, the model's own loss and dropout, the DataLoader's and optimizer's defaults; what a method keeps frozen
is frozen by `requires_grad`, and its encoder run again in every epoch.
"""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
    pipeline,
    set_seed,
)

from nlp_transfer.benchmark.cases import Case
from nlp_transfer.benchmark.machine import Meter
from nlp_transfer.benchmark.rows import CaseRows
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.methods import FrozenEncoder, LoRA, PartialFineTuning
from nlp_transfer.models.families import encoder_layers, free, head_modules, lora_targets
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.training.arguments import TransferArguments

PIPELINE_BATCH_ROWS = 32

COLUMNS = ("input_ids", "attention_mask", "labels")
"""What of the encoded rows a stock run is given."""

OURS = {"bf16", "fp16", "train_sampling_strategy"} | (
    {f.name for f in dataclasses.fields(TransferArguments)} - {f.name for f in dataclasses.fields(TrainingArguments)}
)
"""Arguments of a recipe that a stock run leaves as transformers has them: precision is resolved, the others ours."""


def build(
    case: Case,
    config: Experiment,
    rows: CaseRows,
    folder: Path,
    *,
    trainer: type[Trainer] = Trainer,
    arguments: type[TrainingArguments] = TrainingArguments,
) -> Trainer:
    """The stock Trainer, ready to train.

    Args:
        case: what is compared.
        config: its configuration, with a seed.
        rows: its rows.
        folder: where it may write.
        trainer: its class; another takes its place as by import.
        arguments: likewise.
    """
    set_seed(config.training.seed)
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        model_folder(config.model, revision=config.revision),
        num_labels=len(rows.task.label_names),
        problem_type="multi_label_classification" if rows.task.multi_label else "single_label_classification",
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return trainer(
        prepare(model, config),
        stock_arguments(case, config.training, folder, arguments),
        train_dataset=rows.encoded["train"].select_columns(list(COLUMNS)),
        data_collator=DataCollatorWithPadding(rows.tokenizer),
        processing_class=rows.tokenizer,
    )


def stock_arguments(
    case: Case, recipe: TransferArguments, folder: Path, kind: type[TrainingArguments] = TrainingArguments
) -> TrainingArguments:
    """What the benchmark file says of the recipe, for a stock run; what it does not say is as transformers has it."""
    names = [name for name in case.tree["training"] if name not in OURS and "hub" not in name]
    given: dict[str, Any] = {name: getattr(recipe, name) for name in names}
    return kind(
        **given,
        output_dir=str(folder),
        seed=recipe.seed,
        use_cpu=case.settings.device == "cpu",
        bf16=recipe.bf16,
    )


def prepare(model: PreTrainedModel, config: Experiment) -> nn.Module:
    """Freeze or adapt as the case's method does, by means of torch and peft alone."""
    method = config.methods[0]
    if isinstance(method, FrozenEncoder):
        model.base_model.requires_grad_(False)
    elif isinstance(method, PartialFineTuning):
        layers = list(encoder_layers(model))
        heads = [model.get_submodule(name) for name in head_modules(model)]
        free(model, [*layers[len(layers) - method.layers :], *heads])
    elif isinstance(method, LoRA):
        adapter = LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=method.r,
            lora_alpha=2 * method.r if method.alpha is None else method.alpha,
            lora_dropout=method.dropout,
            target_modules=method.target_modules or lora_targets(model),
            use_dora=method.use_dora,
            use_rslora=method.use_rslora,
            modules_to_save=head_modules(model),
        )
        return get_peft_model(model, adapter)
    return model


def predict(classifier: str, texts: list[str], device: torch.device, meter: Meter) -> list[str]:
    """The predicted class of each text, by transformers' pipeline; the model is loaded before the meter runs."""
    classify: Any = pipeline("text-classification", model=classifier, device=device)
    with meter:
        found = classify(texts, batch_size=PIPELINE_BATCH_ROWS, truncation=True)
    return [one["label"] for one in found]
