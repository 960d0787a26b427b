"""Tiny corpora with entities, which are known by their words; and rows of every kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.tiny_documents import documents, summary_tree
from tests.tiny_images import images
from tests.tiny_numbers import number_pairs, numbers
from tests.tiny_pairs import pairs
from tests.tiny_runs import FILLERS, WORDS, rows

CLASSES = ("PERM", "PUB")
"""The classes: of the words of `permissive`, and of those of `public`."""


def entities(count: int, *, seed: int = 0, length: int = 4) -> list[dict[str, Any]]:
    """Texts of so many entities of one to three words, with other words between them."""
    generator = torch.Generator().manual_seed(seed)

    def pick(words: list[str], n: int) -> str:
        return " ".join(words[int(i)] for i in torch.randint(len(words), (n,), generator=generator))

    made = []
    for i in range(count):
        text, spans = "", []
        for number in range(length):
            text += pick(FILLERS, 1 + int(torch.randint(3, (), generator=generator))) + " "
            label, kind = (CLASSES[0], "permissive") if (i + number) % 2 else (CLASSES[1], "public")
            mention = pick(WORDS[kind], 1 + int(torch.randint(3, (), generator=generator)))
            spans.append({"start": len(text), "end": len(text) + len(mention), "label": label})
            text += mention + " "
        made.append({"id": f"text{seed}-{i}", "text": text.strip(), "spans": spans if i % 7 else spans[:1]})
        if i % 7 == 0:
            made[-1]["text"] = text[: spans[0]["end"]]
    return made


def write_entities(folder: Path, sizes: tuple[int, int, int] = (48, 12, 16)) -> Path:
    """A folder of train, dev and test files. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [json.dumps(row) for row in entities(size, seed=seed)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def entity_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    training = {"num_train_epochs": 14, "metric_for_best_model": "entity_f1", **training}
    tree = summary_tree(encoder, corpus, output, **training)
    return {**tree, "task": {"name": "token_classification", "max_length": 20}}


MAKERS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "texts": rows,
    "documents": documents,
    "entities": entities,
    "pairs": pairs,
    "numbers": numbers,
    "number_pairs": number_pairs,
    "images": images,
}
"""Functions that make rows, by their kind."""
