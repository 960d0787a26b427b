"""Make updates on two processes, one of which or both run out of memory; started by test_oom_guard.py.

torchrun --nproc_per_node 2 oom_updates.py OUT
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch

from nlp_transfer.training.extensions.oom_guard import OomGuard
from nlp_transfer.training.runtime import leave_process_group
from tests.tiny_models import tiny_model
from tests.training.faulty import Faulty, named_rows, trainer, weights

SHORT_OF_MEMORY = {"none": (), "one": (1,), "both": (0, 1)}
"""The processes that hold two rows at most, by the name of the case."""


def main(out: Path) -> None:
    rank, results = int(os.environ["RANK"]), {}
    for accumulation in (1, 2):
        for name, short in SHORT_OF_MEMORY.items():
            model = tiny_model("bert").double()
            faulty = Faulty(model, most_rows=2 if rank in short else None, without_dropout=True)
            run = trainer(
                out / f"{name}-{accumulation}",
                model,
                optim="sgd",
                num_train_epochs=2,
                gradient_accumulation_steps=accumulation,
                save_strategy="no",
            )
            run.train()
            results[f"weights/{name}/{accumulation}"] = weights(model).numpy()
            results[f"losses/{name}/{accumulation}"] = np.array(
                [entry["loss"] for entry in run.state.log_history if "loss" in entry]
            )
            results[f"parts/{name}/{accumulation}"] = np.array(run.extension(OomGuard).micro_batch_parts)
            results[f"rows/{name}/{accumulation}"] = np.array(max(faulty.rows[3:]))
    np.savez(out / f"{rank}.npz", **results)


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert len(named_rows()) == 16
    main(Path(sys.argv[1]))
    leave_process_group()
