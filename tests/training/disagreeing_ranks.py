"""Trainers whose processes disagree in one thing each; started by test_agreement.py on two processes.

torchrun --nproc_per_node 2 disagreeing_ranks.py OUT
"""

import json
import os
import sys
from pathlib import Path

import torch

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import LoRA, PartialFineTuning
from nlp_transfer.training.runtime import leave_process_group
from tests.tiny_models import collate, random_rows, tiny_model

SECOND = os.environ.get("RANK") == "1"


def trainer_for(folder: Path, methods=(), rows=8, labels=3, row_seed=0, moved=0.0, **arguments) -> TransferTrainer:
    model = tiny_model("bert", num_labels=labels)
    with torch.no_grad():
        model.bert.embeddings.LayerNorm.bias[0] += moved
    settings = {"output_dir": str(folder), "max_steps": 1, "use_cpu": True, "report_to": "none", "save_strategy": "no"}
    return TransferTrainer(
        model,
        TransferArguments(**{**settings, "disable_tqdm": True, **arguments}),
        collate,
        train_dataset=random_rows(rows, seed=row_seed),
        eval_dataset={"first": random_rows(4)},
        methods=methods,
    )


OTHERS = {
    "nothing": {},
    "what may differ": {"output_dir": "with_output_dir", "run_name": "second", "log_level": "error"},
    "arguments": {"learning_rate": 0.25, "seed": 7},
    "rows": {"row_seed": 5},
    "length": {"rows": 7},
    "method": {"methods": [PartialFineTuning(layers=1)]},
    "settings": {"methods": [LoRA(r=2)]},
    "weights": {"moved": 1.0},
    "classes": {"labels": 4},
}
"""What the second process has otherwise."""


def main(out: Path) -> None:
    found = {}
    for name, other in OTHERS.items():
        given = {"methods": [LoRA(r=4)]} if name in ("method", "settings") else {}
        if SECOND:
            given |= {key: str(out / value) if key == "output_dir" else value for key, value in other.items()}
        trainer = trainer_for(**{"folder": out / "run", **given})
        try:
            trainer.train()
            found[name] = f"{trainer.state.global_step} step"
            found[f"bias of {name}"] = trainer.model.bert.embeddings.LayerNorm.bias.tolist()
        except ConfigError as error:
            found[name] = error.problems
    (out / f"{int(SECOND)}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    leave_process_group()
