"""Interrupt and resume training in many ways and compare with the uninterrupted run; started by test_exact_resume.py.

python resume_matrix.py OUT                               one process
torchrun --nproc_per_node 2 resume_matrix.py OUT          two, over gloo
"""

import faulthandler
import hashlib
import itertools
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import ClassLabel
from transformers import EarlyStoppingCallback, TrainerCallback

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import RunInterrupted
from nlp_transfer.methods import CORAL, DANN, LPFT, MMD, FullFineTuning, LoRA, PartialFineTuning, TargetMLM
from nlp_transfer.metrics.metric import TokenRows
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.models.heads.masked_lm import score_masked_tokens
from nlp_transfer.training.runtime import leave_process_group
from nlp_transfer.training.signals import StopSignals
from tests.tiny_images import collate_pixels, pixel_rows, tiny_image_model
from tests.tiny_models import collate, random_rows, tiny_model
from tests.tiny_pretraining import masking, text_rows, tiny_masked_lm, tiny_tokenizer
from tests.tiny_taggers import pad_tags, tagged_rows, tiny_tagger

ROWS = 30
STUCK_AFTER = 300  # seconds; a case takes a few. A process that waits for another would wait for half an hour.
METHODS: dict[str, Any] = {
    "full_fine_tuning": [FullFineTuning()],
    "partial_fine_tuning": [PartialFineTuning(layers=2, gradual_unfreezing=True, layer_decay=0.9)],
    "lora": [LoRA(r=4)],
    "lora above": [LoRA(r=4, layers=1)],
    "lp_ft": [LPFT()],
    "dann and mmd": [DANN(), MMD()],
    "dann on lora above": [LoRA(r=4, layers=1), DANN()],
    "masked": [FullFineTuning()],
    "hidden words of the target": [TargetMLM()],
    "dann of two sources": [DANN()],
    "tags": [FullFineTuning()],
    "coral of tags": [CORAL()],
    "images": [FullFineTuning()],
    "transformer of images": [FullFineTuning()],
    "coral of images": [PartialFineTuning(layers=1), CORAL()],
}
UNTIMED = (
    "loss",
    "grad_norm",
    "learning_rate",
    "epoch",
    "step",
    "eval_loss",
    "eval_accuracy",
    "train_loss",
    "total_flos",
    "source_loss",
    "dann_loss",
    "dann_domain_accuracy",
    "target_mlm_loss",
    "eval_perplexity",
)


@dataclass(frozen=True)
class Case:
    """One run and where it is interrupted."""

    sampling: str = "random"
    method: str = "full_fine_tuning"
    workers: int = 0
    stop_at: int = 3
    how: str = "signal"
    extra: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        extra = "".join(f" {name}={value}" for name, value in self.extra)
        return f"{self.how} at {self.stop_at}: {self.sampling}, {self.method}, {self.workers} workers{extra}"


def cases(world: int) -> list[Case]:
    """8 steps an epoch on one process (7.5 batches of 4), 4 on two."""
    epoch = 8 // world
    # Data workers are forked, and a fork beside a group's threads can hang (pytorch/pytorch#130610): two such cases there.
    found = [
        Case(sampling, "full_fine_tuning", workers, stop, how)
        for sampling, workers, stop, how in itertools.product(
            ("random", "sequential", "group_by_length"), (0, 2), (epoch + 1, epoch), ("signal", "crash")
        )
        if workers == 0 or world == 1 or (sampling, stop) == ("random", epoch + 1)
    ]
    found += [Case("group_by_length", method, 0, epoch + 2, how) for method in METHODS for how in ("signal", "crash")]
    by_steps = (("eval_strategy", "steps"), ("eval_steps", 2), ("save_strategy", "steps"), ("save_steps", 2))
    stopping = (*by_steps, ("early_stopping_patience", 2), ("early_stopping_threshold", 0.5))
    coinciding = (("save_strategy", "steps"), ("save_steps", epoch), ("load_best_model_at_end", False))
    found += [
        Case(stop_at=stop, how=how, extra=extra)
        for how in ("signal", "crash")
        for stop, extra in (
            (3, by_steps),
            (3, stopping),
            (epoch // 2 + 1, (("gradient_accumulation_steps", 2),)),
            (epoch + 1, (("eval_on_start", True),)),
        )
    ]
    # What the epoch's end brings is due when the last step's checkpoint has been saved.
    cut_short = (("max_steps", epoch + 3), ("save_strategy", "steps"), ("load_best_model_at_end", False))
    found += [
        Case(stop_at=6, how="after the end", extra=stopping),
        Case(stop_at=epoch, how="signal", extra=coinciding),
        Case(stop_at=epoch + 1, how="crash", extra=coinciding),
        Case(stop_at=epoch + 1, how="crash", extra=(*coinciding, ("logging_strategy", "epoch"))),
        Case(stop_at=epoch + 3, how="after the end", extra=(*cut_short, ("save_steps", epoch + 3))),
        Case(stop_at=epoch + 1, how="after the end", extra=(("max_steps", epoch + 3), *by_steps)),
        Case(stop_at=epoch + 1, how="after the end"),
    ]
    return found


class StopAt(TrainerCallback):
    """A signal, or a crash, in the middle of a step."""

    def __init__(self, case: Case, signals: StopSignals) -> None:
        self.case, self.signals = case, signals

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Only one of the processes gets the signal, as when a machine of several is taken away.
        last = args.process_index == args.world_size - 1
        if state.global_step == self.case.stop_at - 1 and self.case.how == "signal" and last:
            self.signals.received = signal.SIGTERM
        if state.global_step == self.case.stop_at and self.case.how == "crash":
            raise KeyboardInterrupt

    def on_train_end(self, *_: Any, **__: Any) -> None:
        if self.case.how == "after the end":
            raise KeyboardInterrupt


def trainer_for(case: Case, folder: Path) -> TransferTrainer:
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "train_sampling_strategy": case.sampling,
        "dataloader_num_workers": case.workers,
        "logging_steps": 3,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "accuracy",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 5,
        **dict(case.extra),
    }
    if case.method == "masked":
        model = tiny_masked_lm("bert")
        score_masked_tokens(model)
        return TransferTrainer(
            model,
            TransferArguments(**{**values, "metric_for_best_model": "perplexity", "greater_is_better": False}),
            masking(),
            train_dataset=text_rows(ROWS, seed=1),
            eval_dataset=text_rows(10, seed=2),
            compute_metrics=lambda out: compute_scores(TokenRows(out.predictions)),
        )
    if case.method.endswith("tags"):
        adapts = METHODS[case.method][-1].needs.target_text
        return TransferTrainer(
            tiny_tagger("bert"),
            TransferArguments(**{**values, "metric_for_best_model": "loss"}),
            pad_tags,
            train_dataset=tagged_rows(ROWS, seed=1),
            eval_dataset=tagged_rows(10, seed=2),
            target_dataset=without_labels(tagged_rows(13, seed=3)) if adapts else None,
            processing_class=tiny_tokenizer(),
            methods=METHODS[case.method],
        )
    if case.method.endswith("images"):  # with batch norms, whose statistics go on, too
        adapts = METHODS[case.method][-1].needs.target_text
        return TransferTrainer(
            tiny_image_model("vit" if "transformer" in case.method else "resnet"),
            TransferArguments(**{**values, "metric_for_best_model": "loss"}),
            collate_pixels,
            train_dataset=pixel_rows(ROWS, seed=1),
            eval_dataset=pixel_rows(10, seed=2),
            target_dataset=without_labels(pixel_rows(13, seed=3)) if adapts else None,
            methods=METHODS[case.method],
        )
    train = random_rows(ROWS, seed=1)
    if case.method == "dann of two sources":
        train = train.add_column("domain", [int(i > 20) for i in range(ROWS)])
        train = train.cast_column("domain", ClassLabel(names=["a", "b"]))
        values["source_weights"] = "equal"
    return TransferTrainer(
        tiny_model("bert"),
        TransferArguments(**values),
        collate,
        train_dataset=train,
        eval_dataset=random_rows(10, seed=2),
        compute_metrics=lambda out: {"accuracy": float((out.predictions.argmax(-1) == out.label_ids).mean())},
        target_dataset=without_labels(random_rows(13, seed=3)) if METHODS[case.method][-1].needs.target_text else None,
        processing_class=tiny_tokenizer(),
        methods=METHODS[case.method],
    )


def end_state(trainer: TransferTrainer) -> dict[str, Any]:
    """All that an interruption must not change, comparable by ==."""
    optimizer = trainer.optimizer.state_dict()["state"]
    networks = {} if trainer.networks is None else dict(trainer.networks.state_dict())
    return {
        "networks": digest(networks),
        "weights": digest(dict(trainer.accelerator.unwrap_model(trainer.model).state_dict())),
        "optimizer": digest({f"{i}/{key}": value for i, state in optimizer.items() for key, value in state.items()}),
        "scheduler": trainer.lr_scheduler.state_dict()["last_epoch"],
        "log": [{key: entry[key] for key in UNTIMED if key in entry} for entry in trainer.state.log_history],
        "best": [trainer.state.best_metric, trainer.state.best_global_step],
        "patience": [
            callback.early_stopping_patience_counter
            for callback in trainer.callback_handler.callbacks
            if isinstance(callback, EarlyStoppingCallback)
        ],
        "checkpoints": sorted(path.name for path in Path(trainer.args.output_dir).iterdir()),
        "random": digest({"cpu": torch.get_rng_state()}),
    }


def digest(tensors: dict[str, Any]) -> str:
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode())
        whole.update(torch.as_tensor(tensors[name]).contiguous().numpy().tobytes())
    return whole.hexdigest()


def run(case: Case, folder: Path) -> dict[str, Any]:
    """The end of an uninterrupted and of an interrupted and resumed run, and where the second went on from."""
    plain = trainer_for(case, folder / "plain")
    plain.train()
    expected = end_state(plain)
    interrupted = trainer_for(case, folder / "interrupted")
    interrupted.stop_signals = StopSignals()
    interrupted.add_callback(StopAt(case, interrupted.stop_signals))
    stopped = ""
    try:
        interrupted.train()
    except RunInterrupted as error:
        stopped = str(error)
    except KeyboardInterrupt:
        stopped = case.how
    resumed = trainer_for(case, folder / "interrupted")
    resumed.train(resume_from_checkpoint=True)
    return {"expected": expected, "found": end_state(resumed), "stopped": stopped}


def main(out: Path) -> None:
    world, results = int(os.environ.get("WORLD_SIZE", "1")), {}
    for number, case in enumerate(cases(world)):
        faulthandler.dump_traceback_later(STUCK_AFTER, exit=True)
        results[str(case)] = run(case, out / f"{world}-{number}")
    if int(os.environ.get("RANK", "0")) == 0:
        (out / f"{world}.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    leave_process_group()
