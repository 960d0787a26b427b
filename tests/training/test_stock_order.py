"""Events, log and checkpoints come as in stock Trainer, with every mixture of strategies."""

import itertools
from pathlib import Path

import pytest
from transformers import Trainer, TrainerCallback, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from tests.tiny_models import collate, random_rows, tiny_model

SHOWN = ("loss", "eval_loss", "grad_norm", "learning_rate", "train_loss", "step", "epoch")
EVENTS = [name for name in dir(TrainerCallback) if name.startswith("on_")]
STEPS = {"logging_steps": 3, "eval_steps": 3, "save_steps": 3}  # an epoch has 6
BY_STEPS = {f"{name}_strategy": "steps" for name in ("logging", "eval", "save")}
LOSS = {"metric_for_best_model": "loss"}


class Record(TrainerCallback):
    """Note every event, with step and epoch."""

    def __init__(self):
        self.events = []

    def __getattribute__(self, name):
        if name in EVENTS:
            return lambda args, state, control, **_: self.events.append((name, state.global_step, state.epoch))
        return super().__getattribute__(name)


def outcome(ours: bool, folder: Path, **changes):
    """Train and return the events, the log, the checkpoints that are left, and the output."""
    folder.mkdir()
    record = Record()
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "report_to": "none",
        "disable_tqdm": True,
        **STEPS,
        **({"unpadding": False, "fast_dropout": False} if ours else {}),
        **changes,
    }
    trainer = (TransferTrainer if ours else Trainer)(
        tiny_model("bert"),
        (TransferArguments if ours else TrainingArguments)(**values),
        collate,
        train_dataset=random_rows(22),
        eval_dataset=random_rows(5, seed=1),
        callbacks=[record],
    )
    steps, loss, _ = trainer.train()
    log = [
        {key: pytest.approx(entry[key], abs=1e-4) for key in SHOWN if key in entry}
        for entry in trainer.state.log_history
    ]
    best = Path(trainer.state.best_model_checkpoint or "").name
    return (
        record.events,
        log,
        sorted(path.name for path in folder.iterdir()),
        best,
        (steps, pytest.approx(loss, abs=1e-4)),
    )


MIXTURES = [
    {f"{name}_strategy": kind for name, kind in zip(("logging", "eval", "save"), kinds, strict=True)}
    for kinds in itertools.product(("steps", "epoch"), repeat=3)
]
ENDS = [
    {"max_steps": 8, "eval_strategy": "epoch"},
    {"num_train_epochs": 1.5, "logging_strategy": "epoch"},
    {"num_train_epochs": 0},
    {"eval_on_start": True},
    {"eval_strategy": "no", "save_steps": 4},
    {"save_strategy": "best", "save_total_limit": 1, **LOSS},
]
BEST = [
    {"save_total_limit": limit, "load_best_model_at_end": True, **LOSS, "greater_is_better": greater}
    for limit in (1, 2)
    for greater in (False, True)  # the best is the last, or the first
]


@pytest.mark.parametrize(
    "changes", [*MIXTURES, *({**BY_STEPS, **some} for some in [*ENDS, *BEST, {"save_total_limit": 2}])], ids=str
)
def test_events_log_and_checkpoints_are_those_of_stock_trainer(tmp_path, changes):
    stock, ours = (outcome(which, tmp_path / str(which), **changes) for which in (False, True))
    assert ours == stock
