"""Make one update of every family and record it; started by test_one_update.py, on one process and on two.

python one_update.py OUT                                  one process
torchrun --nproc_per_node 2 one_update.py OUT             two, over gloo
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.tasks.losses import multi_label_loss, single_label_loss
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.processes import leave_process_group
from tests.tiny_models import collate, random_rows, tiny_model

FAMILIES = ("bert", "roberta", "distilbert", "deberta-v2", "modernbert")
ROWS = 16
CLASS_WEIGHTS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
EVALUATED = (1, 3, 5, 17)
"""Sizes of evaluation splits, most of them no multiple of batch and processes."""


def double(rows):
    batch = collate(rows)
    if batch["labels"].is_floating_point():
        batch["labels"] = batch["labels"].double()
    return batch


def trainer_for(family: str, multi_label: bool, own_loss: bool, accumulation: int, folder: Path) -> TransferTrainer:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    model = tiny_model(family, multi_label=multi_label).double()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for key in ("attention_probs_dropout_prob", "attention_dropout", "hidden_dropout_prob"):
        if hasattr(model.config, key):
            setattr(model.config, key, 0.0)
    arguments = TransferArguments(
        output_dir=str(folder),
        use_cpu=True,
        per_device_train_batch_size=ROWS // world // accumulation,
        per_device_eval_batch_size=4,
        gradient_accumulation_steps=accumulation,
        learning_rate=0.1,
        optim="sgd",
        lr_scheduler_type="constant",
        max_steps=1,
        max_grad_norm=1.0,
        train_sampling_strategy="sequential",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_steps=1,
    )

    def loss(logits, labels):
        if multi_label:
            return multi_label_loss(logits, labels, positive_weights=CLASS_WEIGHTS)
        return single_label_loss(logits, labels, class_weights=CLASS_WEIGHTS)

    return TransferTrainer(
        model,
        arguments,
        double,
        train_dataset=random_rows(ROWS, multi_label=multi_label),
        compute_loss_func=update_mean(loss) if own_loss else None,
        compute_metrics=lambda out: {"accuracy": float((out.predictions.argmax(-1) == out.label_ids).mean())},
    )


def main(out: Path) -> None:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    results = {}
    for family in FAMILIES:
        for multi_label in (False, True):
            for own_loss in (False, True):
                for accumulation in (1, 4) if world == 1 else (1, 2):
                    trainer = trainer_for(family, multi_label, own_loss, accumulation, out / "run")
                    before = torch.cat([p.detach().flatten() for p in trainer.model.parameters()]).clone()
                    trainer.train()
                    after = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
                    key = f"{family}/{'multi' if multi_label else 'single'}/{'own' if own_loss else 'head'}"
                    results[f"update/{key}/{accumulation}"] = (after - before).numpy()
                    logged = next(entry for entry in trainer.state.log_history if "loss" in entry)
                    results[f"logged/{key}/{accumulation}"] = np.array([logged["loss"], logged["grad_norm"]])
    evaluator = trainer_for("bert", False, False, 1, out / "run")
    for size in EVALUATED:
        metrics = evaluator.evaluate(random_rows(size, seed=size))
        results[f"evaluate/{size}"] = np.array([metrics["eval_accuracy"], metrics["eval_loss"]])
        results[f"predict/{size}"] = evaluator.predict(random_rows(size, seed=size)).predictions
    if int(os.environ.get("RANK", "0")) == 0:
        np.savez(out / f"{world}.npz", **results)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    leave_process_group()
