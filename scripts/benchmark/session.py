"""All measurements of a command, one after another, each in a fresh process: stock, ours, stock, ours, …

A fresh process has a peak of memory of its own, and nothing that the run before it left warm: caches of encoded texts
or activations lie in a folder that only it sees.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from nlp_transfer.errors import ConfigError, TrainingError
from scripts.benchmark.cases import Case
from scripts.benchmark.measuring import Job, Measurement
from scripts.benchmark.results import Key, Results
from scripts.benchmark.settings import Growth

WORKER = "scripts.benchmark.measuring"

ROOT = Path(__file__).parents[2]
"""The repository, from which processes import this package."""

_TAIL_CHARACTERS = 2000


def plan_measurements(
    cases: Iterable[Case], repeats: int, seeds: Sequence[int], growth: Growth | None = None
) -> list[tuple[Key, Case]]:
    """Return what to measure, in order: pairs of each case, its sides in turn, one seed after another.

    There are as many pairs as `repeats`, or as seeds, whichever is more.

    Args:
        cases: what to compare.
        repeats: how often.
        seeds: of training.
        growth: with it ours alone is measured, with the first seed: every size and number of processes in turn.

    Raises:
        ConfigError: fewer than one repeat, no seed, or a seed twice.
    """
    problems = [f"--repeats is {repeats}; expected at least 1."] if repeats < 1 else []
    if not seeds or len(set(seeds)) < len(seeds):
        problems.append(f"--seeds is {list(seeds)}; expected at least one, each once.")
    if problems:
        raise ConfigError(problems)
    if growth is not None:
        return [
            (Key(case.name, "ours", pair, seeds[0], rows, processes), case)
            for case in cases
            for pair in range(repeats)
            for rows, processes in growth.cells()
        ]
    return [
        (Key(case.name, side, pair, seeds[pair % len(seeds)]), case)
        for case in cases
        for pair in range(max(repeats, len(seeds)))
        for side in case.settings.sides
    ]


def run_session(plan: Sequence[tuple[Key, Case]], results: Results, say: Callable[[str], None] = print) -> None:
    """Measure what is not measured yet.

    Args:
        plan: what to measure, in order.
        results: what was measured; takes what is.
        say: is told of each measurement as it ends.

    Raises:
        TrainingError: a process failed; with what it said last.
        CheckpointError: the results cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        classifiers: dict[tuple[str, int], Path] = {}
        for number, (key, case) in enumerate(plan, start=1):
            processes = f" · {key.processes} processes" if key.processes > 1 else ""
            rows = "" if key.rows is None else f" · {key.rows:,} rows"
            where = f"[{number}/{len(plan)}] {key.case} · {key.side} · pair {key.pair + 1} · seed {key.seed}"
            if key in results.found:
                say(f"{where}{rows}{processes}: measured before")
                continue
            classifier = None
            if case.settings.stock == "pipeline":
                made = case.name, key.seed
                if made not in classifiers:
                    classifiers[made] = Path(folder) / f"classifier-{len(classifiers)}"
                    _in_a_process(Job(case.record(), "classifier", key.seed, classifier=str(classifiers[made])))
                classifier = str(classifiers[made] / "model")
            scored = key.rows is None
            job = Job(case.record(), key.side, key.seed, key.rows, key.processes, scored, classifier)
            found = _in_a_process(job)
            assert found is not None, "every job but the making of a classifier measures"
            results.add(key, found)
            say(f"{where}{rows}{processes}: {found.seconds:.2f} s, {found.tokens / found.seconds:,.0f} tokens/s")


def _in_a_process(job: Job) -> Measurement | None:
    """Do the job in a fresh process, or in several under torchrun; return the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        job_file, result_file, log = (Path(folder) / name for name in ("job.json", "result.json", "log"))
        job_file.write_text(json.dumps(asdict(job)))
        launcher = [sys.executable, "-m"]
        if job.processes > 1:
            launcher += ["torch.distributed.run", "--standalone", "--nproc_per_node", str(job.processes), "-m"]
        # The working folder stays off the import path: one with an evaluate.py would hide the package of that name.
        search_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {
            **os.environ,
            "NLP_TRANSFER_CACHE": str(Path(folder) / "cache"),
            "PYTHONSAFEPATH": "1",
            "PYTHONPATH": search_path,
        }
        with log.open("wb") as out:
            done = subprocess.run(
                [*launcher, WORKER, str(job_file), str(result_file)],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                check=False,
            )
        if done.returncode != 0:
            text = log.read_text(errors="replace").strip()
            raise TrainingError(
                f"{job.case['name']}, {job.side}: its process ended with status {done.returncode}. It said last:\n"
                f"{text[-_TAIL_CHARACTERS:]}"
            )
        return Measurement(**json.loads(result_file.read_text())) if result_file.exists() else None
