"""Make one update of every family and record it; started by test_one_update.py, on one process and on two.

python one_update.py OUT                                  one process
torchrun --nproc_per_node 2 one_update.py OUT             two, over gloo
"""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Dataset
from transformers import PreTrainedModel

from nlp_transfer import Seq2SeqTransferArguments, Seq2SeqTransferTrainer, TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.methods import (
    CDAN,
    CORAL,
    DANN,
    MCC,
    MMD,
    Joint,
    LoRA,
    MeanTeacher,
    Method,
    PartialFineTuning,
    SelfTraining,
    SourceFree,
    TargetMLM,
)
from nlp_transfer.models.activation_cache.window_rows import TYPES, WINDOW_IDS
from nlp_transfer.models.heads.document_pooling import read_windows
from nlp_transfer.models.heads.extractive import extractive_class
from nlp_transfer.models.heads.masked_lm import score_masked_tokens
from nlp_transfer.tasks.classification.losses import multi_label_loss, single_label_loss
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.runtime import leave_process_group
from tests.tiny_images import collate_pixels, pixel_rows, tiny_image_model
from tests.tiny_models import PADDING, collate_with_labels_or_without, random_rows, tiny_config, tiny_model
from tests.tiny_pretraining import masking, text_rows, tiny_masked_lm, tiny_tokenizer
from tests.tiny_taggers import pad_tags, tagged_rows, tiny_tagger
from tests.tiny_writers import WRITERS, pad_pairs, pairs, tiny_writer

FAMILIES = ("bert", "roberta", "distilbert", "deberta-v2", "modernbert")
ROWS = 16
WINDOW = 5
CLASS_WEIGHTS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
ADAPTING: dict[str, list[Method]] = {
    "unlabelled": [DANN(weight=1.0), CDAN(weight=1.0), MMD(weight=2.0), CORAL(weight=50.0)],
    "joint": [Joint(source_weight_start=0.3)],
    "sources": [DANN(weight=1.0), CDAN(weight=1.0)],
    "confusion": [MCC(weight=2.0)],
    "alone": [SourceFree(pseudo_weight=0.5)],
    "taught": [MeanTeacher(weight=2.0, ramp_up=0.0, mask_probability=0.3)],
    "hidden": [TargetMLM(weight=2.0, mask_probability=0.3)],
}
"""Methods for a target domain, whose terms look at all rows of an update at once."""

ALIGNING: list[Method] = [MMD(weight=2.0), CORAL(weight=50.0)]

ONE_LABEL = ("confusion", "alone")
"""Those that are for one label a text."""

UNEVEN = (9, 3)
"""Rows of an update that fill it in part only: of two processes the second has one row, or none at all."""

EPOCH_ROWS = 27
"""Rows of two whole epochs, whose last updates have fewer than the others."""

EVALUATED = (1, 3, 5, 17)
"""Sizes of evaluation splits, most of them no multiple of batch and processes."""


def double(rows):
    batch = collate_with_labels_or_without(rows)
    for name in [name for name in (WINDOW_IDS, TYPES) if name in rows[0]]:
        width = batch["input_ids"].shape[1]
        batch[name] = torch.tensor([row[name] + [0] * (width - len(row[name])) for row in rows])
    if "labels" in batch and batch["labels"].is_floating_point():
        batch["labels"] = batch["labels"].double()
    return batch


def trainer_for(
    family: str,
    multi_label: bool,
    own_loss: bool,
    accumulation: int,
    folder: Path,
    adapting: str = "",
    rows: int = ROWS,
    methods: list[Method] | None = None,
    pooling: str = "",
    **arguments: Any,
) -> TransferTrainer:
    model: Any = without_dropout(tiny_model(family, multi_label=multi_label))

    def loss(logits, labels):
        if multi_label:
            return multi_label_loss(logits, labels, positive_weights=CLASS_WEIGHTS)
        return single_label_loss(logits, labels, class_weights=CLASS_WEIGHTS)

    target = random_rows(21, multi_label=multi_label, seed=9) if adapting else None
    if target is not None and adapting != "joint":
        target = without_labels(target)
    train = random_rows(rows, multi_label=multi_label)
    if adapting == "sources":
        train = train.add_column("domain", [i % 3 for i in range(rows)])
        train = train.cast_column("domain", ClassLabel(names=["a", "b", "c"]))
    if pooling:
        read_windows(model, pooling)
        model.tokens_at_once = 3 * WINDOW
        typed = family == "bert"  # as pairs are; the other families have no types
        train, target = in_windows(train, typed), None if target is None else in_windows(target, typed)
    return TransferTrainer(
        model,
        arguments_for(accumulation, folder, **arguments),
        double,
        train_dataset=None if adapting == "alone" else train,
        target_dataset=target,
        processing_class=tiny_tokenizer(),
        methods=[*(methods or ()), *ADAPTING.get(adapting, ())],
        compute_loss_func=update_mean(loss) if own_loss else None,
        compute_metrics=lambda out: {"accuracy": float((out.predictions.argmax(-1) == out.label_ids).mean())},
    )


def in_windows(rows: Dataset, typed: bool) -> Dataset:
    """Read rows as documents of windows of `WINDOW` tokens, whose first token is context."""

    def window_ids(length: int) -> list[int]:
        return [place // WINDOW + 1 if place % WINDOW else -(place // WINDOW + 1) for place in range(length)]

    rows = rows.add_column(WINDOW_IDS, [window_ids(length) for length in rows["length"]])
    if not typed:
        return rows
    return rows.add_column(TYPES, [[place % 2 for place in range(length)] for length in rows["length"]])


def pretrainer_for(family: str, accumulation: int, folder: Path, rows: int = ROWS) -> TransferTrainer:
    """Rows have different numbers of masked tokens, over which the loss is a mean."""
    model = without_dropout(tiny_masked_lm(family))
    score_masked_tokens(model)
    return TransferTrainer(model, arguments_for(accumulation, folder), masking(), train_dataset=text_rows(rows))


def summarizer_for(family: str, accumulation: int, folder: Path, rows: int = ROWS) -> TransferTrainer:
    """Rows have different numbers of scored sentences, over which the loss is a mean."""
    torch.manual_seed(0)
    model = without_dropout(extractive_class(type(config := tiny_config(family)))(config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    tokenizer: Any = SimpleNamespace(pad_token_id=PADDING, padding_side="right", model_max_length=64)
    collate = SentenceCollator(PaddingCollator(tokenizer))
    return TransferTrainer(model, arguments_for(accumulation, folder), collate, train_dataset=window_rows(rows))


def window_rows(count: int) -> Dataset:
    """Encoded windows of one to four sentences, some of which are context."""
    rows = []
    for number, row in enumerate(random_rows(count)):
        markers = list(range(0, row["length"], 6))
        labels = [IGNORE_INDEX if (number + i) % 3 == 1 and i else (number + i) % 2 for i in range(len(markers))]
        numbers = [number + i for i in range(len(markers))]
        rows.append({"input_ids": row["input_ids"], "markers": markers, "numbers": numbers, "labels": labels})
    return Dataset.from_list(rows)


def without_dropout(model: PreTrainedModel) -> PreTrainedModel:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for key in ("attention_probs_dropout_prob", "attention_dropout", "hidden_dropout_prob"):
        for config in (model.config, getattr(model.config, "encoder", None), getattr(model.config, "decoder", None)):
            if hasattr(config, key):
                setattr(config, key, 0.0)
    return model.double()


def arguments_for(
    accumulation: int, folder: Path, kind: type[TransferArguments] = TransferArguments, **others: Any
) -> TransferArguments:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    settings = {
        "learning_rate": 0.1,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_steps": 1,
        "max_grad_norm": 1.0,
        "train_sampling_strategy": "sequential",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
    }
    return kind(
        output_dir=str(folder),
        use_cpu=True,
        per_device_train_batch_size=ROWS // world // accumulation,
        per_device_eval_batch_size=4,
        gradient_accumulation_steps=accumulation,
        **{**settings, **others},
    )


def weights(trainer: TransferTrainer) -> torch.Tensor:
    """All weights in a row, those of the methods' own networks last."""
    networks = [] if trainer.networks is None else list(trainer.networks.parameters())
    return torch.cat([p.detach().flatten() for p in (*trainer.model.parameters(), *networks)]).clone()


def methods_for(*, multi_label: bool) -> list[str]:
    """The names of `ADAPTING` for rows of one label, or of several."""
    return [name for name in ADAPTING if not (multi_label and name in ONE_LABEL)]


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each update by name, and what makes it."""
    for family, multi_label in itertools.product(FAMILIES, (False, True)):
        kind, values = "multi" if multi_label else "single", {"family": family, "multi_label": multi_label}
        for own_loss in (False, True):
            yield f"{family}/{kind}/{'own' if own_loss else 'head'}", {**values, "own_loss": own_loss}
        for adapting in methods_for(multi_label=multi_label):
            yield f"{family}/{kind}/{adapting}", {**values, "own_loss": False, "adapting": adapting}
    for family in FAMILIES:
        yield f"{family}/masked", {"family": family}
        yield f"{family}/sentences", {"family": family}
    for family in ("bert", "roberta", "distilbert", "modernbert"):
        plain = {"family": family, "multi_label": False, "own_loss": True}
        yield f"{family}/documents", {**plain, "pooling": "mean"}
        yield f"{family}/adapted documents", {**plain, "own_loss": False, "pooling": "max", "adapting": "unlabelled"}
    for family in WRITERS:
        yield f"{family}/written", {"family": family}
        yield (
            f"{family}/adapted",
            {"family": family, "methods": [DANN(weight=1.0), MMD(weight=2.0), CORAL(weight=50.0)]},
        )
    for family in FAMILIES:
        yield f"{family}/tagged", {"family": family}
        yield f"{family}/adapted tags", {"family": family, "methods": ADAPTING["unlabelled"][:1] + ALIGNING}
        yield f"{family}/joint tags", {"family": family, "methods": ADAPTING["joint"]}
    yield "vit/images", {"family": "vit"}
    yield "vit/adapted images", {"family": "vit", "methods": ADAPTING["unlabelled"]}
    yield "vit/joint images", {"family": "vit", "methods": ADAPTING["joint"]}
    yield from uneven_cases()


def uneven_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Updates whose rows do not fill the last batches of all processes, and whole epochs that end with one."""
    plain: dict[str, Any] = {"family": "bert", "multi_label": False, "own_loss": False}
    for rows, multi_label in itertools.product(UNEVEN, (False, True)):
        kind, values = "multi" if multi_label else "single", {**plain, "multi_label": multi_label, "rows": rows}
        for own_loss in (False, True):
            yield f"{rows} rows/{kind}/{'own' if own_loss else 'head'}", {**values, "own_loss": own_loss}
        for adapting in methods_for(multi_label=multi_label):
            yield f"{rows} rows/{kind}/{adapting}", {**values, "adapting": adapting}
    for rows in UNEVEN:
        yield f"{rows} rows/masked", {"family": "bert", "rows": rows}
        yield f"{rows} rows/sentences", {"family": "bert", "rows": rows}
        yield f"{rows} rows/written", {"family": "bert2bert", "rows": rows}
        yield f"{rows} rows/tagged", {"family": "bert", "rows": rows}
        yield f"{rows} rows/adapted tags", {"family": "bert", "rows": rows, "methods": ALIGNING}
        yield f"{rows} rows/joint tags", {"family": "bert", "rows": rows, "methods": ADAPTING["joint"]}
        yield f"{rows} rows/adapted images", {"family": "vit", "rows": rows, "methods": ALIGNING}
        yield f"{rows} rows/adapted", {"family": "bert2bert", "rows": rows, "methods": [DANN(weight=1.0), MMD()]}
    epochs = {**plain, "rows": EPOCH_ROWS, "max_steps": -1, "num_train_epochs": 2, "train_sampling_strategy": "random"}
    epochs |= {"activation_cache": False}
    labelling = SelfTraining(first_share=0.8, last_share=1.0)
    yield "epochs/head", epochs
    yield "epochs/lora", {**epochs, "methods": [LoRA(r=4, dropout=0.0)]}
    yield "epochs/partial", {**epochs, "methods": [PartialFineTuning(layers=1)]}
    yield "epochs/unlabelled", {**epochs, "adapting": "unlabelled"}
    yield "epochs/pseudo-labels", {**epochs, "adapting": "unlabelled", "methods": [labelling]}
    yield "epochs/taught", {**epochs, "adapting": "taught"}
    yield "epochs/by length", {**epochs, "train_sampling_strategy": "group_by_length"}
    yield "epochs/source weights", {**epochs, "adapting": "sources", "source_weights": "equal"}


def writer_for(
    family: str, accumulation: int, folder: Path, methods: list[Method] | None = None, rows: int = ROWS
) -> TransferTrainer:
    """Rows have different numbers of target tokens, over which the loss is a mean."""
    model = without_dropout(tiny_writer(family))
    arguments = arguments_for(accumulation, folder, Seq2SeqTransferArguments)
    target = without_labels(pairs(21, seed=9)) if methods else None
    return Seq2SeqTransferTrainer(
        model,
        arguments,
        pad_pairs,
        train_dataset=pairs(rows),
        target_dataset=target,
        processing_class=tiny_tokenizer(),
        methods=methods or (),
    )


def tagger_for(
    family: str, accumulation: int, folder: Path, methods: list[Method] | None = None, rows: int = ROWS
) -> TransferTrainer:
    """Rows have different numbers of tagged tokens, over which the loss is a mean."""
    target = tagged_rows(21, seed=9) if methods else None
    if methods and not methods[0].needs.target_labels:
        target = without_labels(tagged_rows(21, seed=9))
    return TransferTrainer(
        without_dropout(tiny_tagger(family)),
        arguments_for(accumulation, folder),
        pad_tags,
        train_dataset=tagged_rows(rows),
        target_dataset=target,
        processing_class=tiny_tokenizer(),
        methods=methods or (),
    )


def of_images(
    family: str, accumulation: int, folder: Path, methods: list[Method] | None = None, rows: int = ROWS
) -> TransferTrainer:
    """Images go through an encoder without batch norms, whose statistics would be those of each batch."""
    target = pixel_rows(21, seed=9) if methods else None
    if methods and not methods[0].needs.target_labels:
        target = without_labels(pixel_rows(21, seed=9))

    def collate(some):
        batch = collate_pixels(some)
        return {**batch, "pixel_values": batch["pixel_values"].double()}

    collate.columns = collate_pixels.columns
    return TransferTrainer(
        without_dropout(tiny_image_model(family)),
        arguments_for(accumulation, folder),
        collate,
        train_dataset=pixel_rows(rows),
        target_dataset=target,
        methods=methods or (),
    )


MAKERS = {
    "images": of_images,
    "adapted images": of_images,
    "joint images": of_images,
    "masked": pretrainer_for,
    "sentences": summarizer_for,
    "written": writer_for,
    "adapted": writer_for,
    "tagged": tagger_for,
    "adapted tags": tagger_for,
    "joint tags": tagger_for,
}
"""What makes an update, by the end of its name; others are classifiers'."""


def main(out: Path, only: str = "") -> None:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    results = {}
    for key, values in cases():
        if only not in key:
            continue
        for accumulation in (1, 4) if world == 1 else (1, 2):
            make = MAKERS.get(key.rpartition("/")[2], trainer_for)
            trainer = make(**values, accumulation=accumulation, folder=out / "run")
            before = weights(trainer)
            trainer.train()
            results[f"update/{key}/{accumulation}"] = (weights(trainer) - before).numpy()
            logged = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
            names = sorted(name for name in logged[0] if name.endswith(("loss", "grad_norm", "_accuracy")))
            results[f"logged/{key}/{accumulation}"] = np.array([[entry[name] for name in names] for entry in logged])
    drawn = torch.rand(1, dtype=torch.float64)  # what the next dropout mask would be made of
    results["drawn"] = trainer.accelerator.gather(drawn).numpy()
    evaluator = trainer_for("bert", False, False, 1, out / "run")
    for size in EVALUATED:
        metrics = evaluator.evaluate(random_rows(size, seed=size))
        results[f"evaluate/{size}"] = np.array([metrics["eval_accuracy"], metrics["eval_loss"]])
        results[f"predict/{size}"] = evaluator.predict(random_rows(size, seed=size)).predictions
    writer = writer_for("bert2bert", 1, out / "run")
    for size in EVALUATED:
        results[f"written/{size}"] = np.array([writer.evaluate(pairs(size, seed=size))["eval_loss"]])
    if int(os.environ.get("RANK", "0")) == 0:
        np.savez(out / f"{world}.npz", **results)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), *sys.argv[2:])
    leave_process_group()
