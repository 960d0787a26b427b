"""Tiny corpora of pairs of texts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tiny_runs import FILLERS, WORDS, rows, run_tree


def pairs(count: int, *, multi_label: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs whose first text gives their class away; the second ones are alike for all classes."""
    made = []
    for i, row in enumerate(rows(count, multi_label=multi_label, seed=seed)):
        labels = {name: row[name] for name in ("label", "labels") if name in row}
        made.append({"id": row["id"], "first": row["text"], "second": " ".join(FILLERS[i % 5 : i % 5 + 3]), **labels})
    return made


def claims(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs of a text and a word of its class (yes), or of another class (no)."""
    made, names = [], list(WORDS)
    for i, row in enumerate(rows(count, seed=seed)):
        own = names.index(row["label"])
        right = i // 3 % 2 == 0
        word = WORDS[names[own if right else (own + 1 + i % 2) % 3]][i % 5]
        label = "yes" if right else "no"
        made.append({"id": row["id"], "first": row["text"], "second": f"the {word} work", "label": label})
    return made


def write_claims(
    folder: Path, sizes: tuple[int, int, int] = (48, 18, 24), make: Callable[..., list[dict[str, Any]]] = claims
) -> Path:
    """A folder of train, dev and test files. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in make(size, seed=seed)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def pair_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    return {
        **run_tree(encoder, corpus, output, **training),
        "task": {"name": "sentence_pairs", "max_length": 24, "window_overlap": 4},
    }
