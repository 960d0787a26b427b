"""Built-in corpus `aclsum`: papers of computational linguistics with summaries and highlighted sentences.

A document is the abstract, introduction and conclusion of a paper, as sentences. Its summary has one written sentence
each for challenge, approach and outcome; its highlights are the sentences marked for any of the three. Texts and splits
are those of the package `aclsum`.
Reference: Takeshita et al. (2024), https://arxiv.org/abs/2403.05303
"""

import json
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nlp_transfer.data.source import CorpusReader, RawSplit, batches
from nlp_transfer.errors import DataError

_PACKAGE = "aclsum"
_FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}
"""Files of the splits, in the package's folder `dataset`."""

_ASPECTS = ("challenge", "approach", "outcome")
_SECTIONS = ("abstract", "introduction", "conclusion")


def aclsum_source(key: str) -> CorpusReader:
    """Return the papers with their train, validation and test splits; raise `DataError` if the package is missing."""
    spec = find_spec(_PACKAGE)  # its own code asks for a package that only that code needs
    folder = Path(spec.origin).parent / "dataset" if spec is not None and spec.origin else None
    if folder is None or not all((folder / name).is_file() for name in _FILES.values()):
        raise DataError(
            f'{key}.builtin: the package {_PACKAGE} is not here. Run `pip install "nlp-transfer[quickstart]"`.'
        )
    splits = {}
    for split, name in _FILES.items():
        rows = list(enumerate(_rows(folder / name, key), 1))
        splits[split] = RawSplit(f"built-in corpus aclsum, {split}", partial(batches, rows))
    return CorpusReader(f"built-in corpus aclsum ({_PACKAGE} {metadata.version(_PACKAGE)})", splits)


def _rows(path: Path, key: str) -> list[dict[str, Any]]:
    """Return the papers of a file."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return [_row(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{key}.builtin: {path.name} cannot be read ({error!r}). Run `pip install --force-reinstall {_PACKAGE}`."
        ) from error


def _row(paper: dict[str, Any]) -> dict[str, Any]:
    sentences = [sentence for section in _SECTIONS for sentence in paper["sentences"][section]]
    marks = [[mark for section in _SECTIONS for mark in paper["highlights"][aspect][section]] for aspect in _ASPECTS]
    marked = [any(of_aspects) for of_aspects in zip(*marks, strict=True)]
    return {
        "id": paper["id"],
        "document": sentences,
        "summary": " ".join(paper["summary"][aspect] for aspect in _ASPECTS),
        "highlights": [sentence for sentence, mark in zip(sentences, marked, strict=True) if mark],
    }
