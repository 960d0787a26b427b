"""Tiny corpora of documents, whose right sentences are known by a word."""

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny_runs import AS_IN_TRAINER, FILLERS, WORDS

RIGHT = WORDS["permissive"]
"""Words that only sentences of the summary have."""


def documents(count: int, *, seed: int = 0, highlights: bool = False) -> list[dict[str, Any]]:
    """Documents of five to nine sentences, two of which hold words that the summary has."""
    generator = torch.Generator().manual_seed(seed)

    def pick(words: list[str], n: int) -> list[str]:
        return [words[int(i)] for i in torch.randint(len(words), (n,), generator=generator)]

    made = []
    for i in range(count):
        length = 5 + int(torch.randint(5, (), generator=generator))
        right = set(torch.randperm(length, generator=generator)[:2].tolist())
        sentences = [
            " ".join([*(pick(RIGHT, 4) if number in right else pick(WORDS["copyleft"], 4)), *pick(FILLERS, 3)]) + "."
            for number in range(length)
        ]
        taken = [sentences[number] for number in sorted(right)]
        row: dict[str, Any] = {"id": f"document{seed}-{i}", "document": sentences, "summary": " ".join(taken)}
        made.append(row | ({"highlights": taken} if highlights else {}))
    return made


def write_documents(folder: Path, *, highlights: bool = False, sizes: tuple[int, int, int] = (40, 10, 12)) -> Path:
    """A folder of train, dev and test files. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in documents(size, seed=seed, highlights=highlights)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def summary_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    return {
        "model": str(encoder),
        "source": {"path": str(corpus)},
        "task": {"name": "extractive_summarization", "max_length": 40, "overlap": 12, "length": 2},
        "training": {
            "output_dir": str(output),
            "num_train_epochs": 3,
            "learning_rate": 5e-3,
            "per_device_train_batch_size": 8,
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
            "save_total_limit": 1,
            "load_best_model_at_end": True,
            "metric_for_best_model": "average_precision",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            **AS_IN_TRAINER,
            "seed": 3,
            **training,
        },
    }
