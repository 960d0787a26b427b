"""Tiny corpora with numbers."""

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny_runs import FILLERS, WORDS, run_tree


def numbers(count: int, *, seed: int = 0, several: bool = False) -> list[dict[str, Any]]:
    """Texts whose words give a price away: 1000 for each word of `copyleft`, 100 for each of `public`."""
    generator = torch.Generator().manual_seed(seed)

    def pick(words: list[str], n: int) -> list[str]:
        return [words[int(i)] for i in torch.randint(len(words), (n,), generator=generator)]

    made = []
    for i in range(count):
        dear, cheap = i % 4, i % 3
        words = pick(WORDS["copyleft"], dear) + pick(WORDS["public"], cheap) + pick(FILLERS, 3 + i % 5)
        row = {"id": f"row{seed}-{i}", "text": " ".join(words), "value": 1000.0 * dear + 100.0 * cheap}
        made.append({**row, "days": float(dear)} if several else row)
    return made


def write_numbers(folder: Path, sizes: tuple[int, int, int] = (48, 18, 24), *, several: bool = False) -> Path:
    """A folder of train, dev and test files. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in numbers(size, seed=seed, several=several)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def number_pairs(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs of a text and one of its words, or of another class's; rated by the text's price, and 50 if it is its."""
    made = []
    for i, row in enumerate(numbers(count, seed=seed)):
        own = row["text"].split()[i % len(row["text"].split())]
        second, extra = (own, 50.0) if i % 2 else (WORDS["permissive"][i % 5], 0.0)
        made.append({"id": row["id"], "first": row["text"], "second": second, "value": row["value"] + extra})
    return made


def write_number_pairs(folder: Path, sizes: tuple[int, int, int] = (48, 18, 24)) -> Path:
    """A folder of train, dev and test files. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in number_pairs(size, seed=seed)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def number_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    tree = run_tree(encoder, corpus, output, **{"metric_for_best_model": "r2", **training})
    return {**tree, "task": {"name": "regression", "max_length": 32}}
