"""Finished runs that started from one tiny encoder: seeds of one recipe, with a target."""

from pathlib import Path
from typing import Any

from nlp_transfer import run
from nlp_transfer.config.experiment import load_config
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


def finished_runs(
    folder: Path, seeds: tuple[int, ...] = (0, 1), *, multi_label: bool = False, **tree: Any
) -> list[Path]:
    """Train a run a seed; `tree` has further keys of their configuration. Returns their folders."""
    encoder = folder / "encoder"
    if not encoder.exists():
        tiny_encoder(encoder)
        write_corpus(folder / "source", multi_label=multi_label)
        write_corpus(folder / "target", multi_label=multi_label, sizes=(12, 6, 15))
    made = []
    for seed in seeds:
        place = folder / f"run{seed}"
        one = run_tree(encoder, folder / "source", place, seed=seed, learning_rate=2e-3, num_train_epochs=4)
        target = {"target": {"path": str(folder / "target")}, "methods": ["full_fine_tuning"]}
        run(load_config(tree={**one, **target, **tree}))
        made.append(place)
    return made
