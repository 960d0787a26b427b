"""Train on pairs of contract sections and summaries, and compare with baselines that share words or read half.

    python -m scripts.benchmark.pairs data/legal/contracts --seeds 0 1 2

Each section stands once with its own summary (`yes`) and once with that of another section of its split (`no`), so that
the summary alone tells nothing. `--corpus FOLDER` is where the pairs are written, as a corpus of
`configs/contract_claims.yaml`; `--negatives` more wrong summaries of each training section make training harder. An
interrupted command goes on: each training that was scored is a file of `--output`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from nlp_transfer.config.experiment import load_config
from nlp_transfer.data.formats.json_lines import read_json_lines
from nlp_transfer.data.source import FileSettings
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.runner import run
from nlp_transfer.tasks.blocks import Table

SHOWN = ("accuracy", "macro_f1")


def main() -> None:
    """Write the corpus if it is not there, train for each seed, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contracts", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("data/legal/contract_claims"))
    parser.add_argument("--negatives", type=int, default=1)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--config", default="configs/contract_claims.yaml")
    parser.add_argument("--output", type=Path, default=Path("runs/pairs"))
    options = parser.parse_args()
    if not options.corpus.exists():
        write_corpus(options.contracts, options.corpus, options.negatives)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in options.seeds:
        done = options.output / f"{seed}.json"
        if not done.exists():
            done.write_text(json.dumps(_scores(options, seed)))
        for system, scores in json.loads(done.read_text()).items():
            rows.append([f"{system}, seed {seed}", *(f"{scores[name]:.3f}" for name in SHOWN)])
    if rows:
        Console().print(to_rich(Table("pairs, test", ["system", *SHOWN], rows)))


def write_corpus(contracts: Path, folder: Path, negatives: int) -> None:
    """Write the pairs of each split; training sections have so many wrong summaries, others one."""
    folder.mkdir(parents=True)
    for seed, split in enumerate(("train", "dev", "test")):
        rows: list[dict[str, Any]] = []
        for batch in read_json_lines(
            contracts / f"{split}.jsonl.gz", frozenset({"id", "document", "summary"}), FileSettings()
        ):
            names = ("id", "document", "summary")
            columns = zip(*(batch.columns[name] for name in names), strict=True)
            rows += [dict(zip(names, map(str, values), strict=True)) for values in columns]
        pairs = list(claims(rows, negatives if split == "train" else 1, seed))
        lines = [json.dumps(row) for row in pairs]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def claims(rows: Sequence[dict[str, Any]], negatives: int, seed: int) -> Iterator[dict[str, str]]:
    """Yield each section with its own summary, and with those of others; each summary is wrong equally often.

    Example:
        >>> rows = [{"id": "a", "document": "A", "summary": "a"}, {"id": "b", "document": "B", "summary": "b"}]
        >>> [(row["section"], row["claim"], row["label"]) for row in claims(rows, 1, 0)]
        [('A', 'a', 'yes'), ('B', 'b', 'yes'), ('A', 'b', 'no'), ('B', 'a', 'no')]
    """
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    place = {row: number for number, row in enumerate(order)}
    for shift in range(negatives + 1):  # along a circle, so that no section gets its own
        for number, row in enumerate(rows):
            other = rows[order[(place[number] + shift) % len(rows)]]
            yield {
                "id": f"{row['id']}-{shift}",
                "section": row["document"],
                "claim": other["summary"],
                "label": "no" if shift else "yes",
            }


def _scores(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return the test scores of the model and of its baselines."""
    folder = options.output / f"run-{seed}"
    changes = [("source.path", str(options.corpus)), ("training.output_dir", str(folder)), ("training.seed", seed)]
    report = run(load_config(options.config, changes))
    assert report is not None, "one process has the report"
    scores = {"model": report.metrics, **report.baselines}
    return {name: {one: of["source"]["test"][one] for one in SHOWN} for name, of in scores.items()}


if __name__ == "__main__":
    main()
