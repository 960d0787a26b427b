"""Trains above frozen layers with and without stored states; run by several processes, from test_activation_cache.py.

python -m torch.distributed.run --nproc_per_node 2 tests/training/extensions/cached_ranks.py OUT
"""

import json
import sys
from pathlib import Path

import torch
from accelerate import PartialState

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods import LoRA, PartialFineTuning
from nlp_transfer.training.runtime import leave_process_group
from tests.tiny_models import collate, random_rows, tiny_model

METHODS = {
    "partial_fine_tuning": PartialFineTuning(layers=1),
    "gradual_unfreezing": PartialFineTuning(layers=2, gradual_unfreezing=True),
    "lora": LoRA(r=2, layers=1),
}


def weights(method, folder: Path, cached: bool) -> tuple[list[float], dict]:
    arguments = TransferArguments(
        output_dir=str(folder),
        use_cpu=True,
        num_train_epochs=3,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        optim="sgd",
        learning_rate=0.01,
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        activation_cache=cached,
    )
    rows = {"train_dataset": random_rows(16, seed=1), "eval_dataset": random_rows(7, seed=2)}
    torch.manual_seed(0)
    trainer = TransferTrainer(tiny_model("bert"), arguments, collate, methods=[method], **rows)
    trainer.train()
    model = trainer.accelerator.unwrap_model(trainer.model)
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])
    return flat, trainer.summary()["activation_cache"]


def main(out: Path) -> None:
    results = {}
    for name, method in METHODS.items():
        plain, _ = weights(method, out / "run", cached=False)
        found, fact = weights(method, out / "run", cached=True)
        results[name] = {"apart": (plain - found).abs().max().item(), **fact}
    state = PartialState()
    (out / f"rank{state.process_index}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave_process_group()
