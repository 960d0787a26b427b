"""Run one experiment."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_transfer.config.command_ending import INTERRUPTED, NOT_PUSHED, RESUMABLE, is_main_process
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.errors import ConfigError, RunInterrupted

if TYPE_CHECKING:
    from nlp_transfer.training.signals import StopSignals


def train(
    config: Experiment,
    *,
    print_config: bool = False,
    dry_run: bool = False,
    estimate: bool = False,
    resume: bool = False,
    archive_existing: bool = False,
    recommend_minutes: float | None = None,
) -> int:
    """Run one experiment: train, evaluate and report.

        nlp-transfer train --config configs/quickstart.yaml
        nlp-transfer train --model bert-base-cased --source.path clauses.csv --training.output_dir runs/first
        nlp-transfer train --config configs/chemprot.yaml --training.learning_rate 5e-5 --task.max_length 96
        nlp-transfer train --config configs/chemprot.yaml --methods lora --methods.lora.r 16
        accelerate launch --config_file configs/accelerate/multi_gpu.yaml scripts/train.py --config my.yaml --resume

    Args:
        config: the experiment: YAML files, and values by their paths.
        print_config: print the whole configuration, with the defaults that the training rows decide, and stop.
        dry_run: check all, load data and model, show ten examples, train nothing.
        estimate: time a few updates, print the time and memory that the run will take, train nothing.
        resume: go on with the run in training.output_dir, start it if there is none, end at once if it is finished.
        archive_existing: rename the run in training.output_dir, and start another.
        recommend_minutes: first compare methods for so many minutes, as `recommend` does, and run the best; its runs
            are in training.output_dir with `_recommendation` at its end.
    """
    if recommend_minutes is not None and (print_config or dry_run or estimate):
        raise ConfigError("--recommend_minutes trains, which --print_config, --dry_run and --estimate do not.")
    if print_config:
        _print_config(config)
    elif dry_run:
        from nlp_transfer.commands.dry_run import dry_run as check_all
        from nlp_transfer.training.runtime import leave_process_group, naming_lost_processes

        with naming_lost_processes():
            print(check_all(config))
        leave_process_group()
    elif estimate:
        from nlp_transfer.commands.estimate import estimate as measure
        from nlp_transfer.reporting.tables import console, to_rich

        print("Timing some updates and evaluations …", file=sys.stderr)
        estimated = measure(config)
        console().print(to_rich(estimated.table(f"The run in {config.training.output_dir}")))
    else:
        return _run(config, resume=resume, archive_existing=archive_existing, recommend_minutes=recommend_minutes)
    return 0


def _print_config(config: Experiment) -> None:
    """Print the configuration, with the arguments that depend on the number of training rows."""
    from nlp_transfer.reporting.config_record import to_yaml
    from nlp_transfer.training.setup import load_corpora

    if config.training.left_to_rows:
        config = config.sized(len(load_corpora(config)[0]["source"].splits["train"]))
    print(to_yaml(config.record()), end="")


def _run(config: Experiment, *, resume: bool, archive_existing: bool, recommend_minutes: float | None) -> int:
    """Train, with the signals of clusters and terminals caught. Returns the exit status."""
    from nlp_transfer.commands.run import run
    from nlp_transfer.reporting.run_folder import inspect
    from nlp_transfer.reporting.tables import console
    from nlp_transfer.reporting.terminal import report_summary
    from nlp_transfer.training.runtime import leave_process_group, naming_lost_processes
    from nlp_transfer.training.signals import StopSignals

    folder = str(config.training.output_dir)
    if resume and archive_existing:
        raise ConfigError(
            "--resume goes on with the run in the folder, --archive_existing begins another: choose one of them."
        )
    was_finished = resume and inspect(folder).state == "finished"
    with StopSignals() as signals:
        try:
            if recommend_minutes is not None:
                config = _recommended(config, recommend_minutes, resume=resume, stop_signals=signals)
            with naming_lost_processes():
                report = run(config, resume=resume, archive_existing=archive_existing, stop_signals=signals)
        except RunInterrupted as stop:
            if is_main_process():
                print(f"{stop}\nGo on with{resuming_command()}", file=sys.stderr)
            leave_process_group()
            return INTERRUPTED if stop.at_once else RESUMABLE
    leave_process_group()
    if report is not None and not was_finished:
        console().print(report_summary(report))
        if report.unpushed:
            print(f"\n{report.unpushed}", file=sys.stderr)
            return NOT_PUSHED
    return 0


def _recommended(config: Experiment, minutes: float, *, resume: bool, stop_signals: "StopSignals") -> Experiment:
    """Return the recommended experiment."""
    from nlp_transfer.commands.recommendation import recommend
    from nlp_transfer.reporting.terminal import print_sections

    folder = f"{str(config.training.output_dir).rstrip('/')}_recommendation"
    found = recommend(config, budget_minutes=minutes, output=folder, resume=resume, stop_signals=stop_signals)
    print_sections(found.sections)
    return found.experiment


def resuming_command() -> str:
    """Return the command of this process with `--resume`, without secrets; several processes need their launcher."""
    from nlp_transfer.reporting.config_record import command_record

    program, *words = command_record(sys.argv)
    words = [word for word in words if word not in ("--resume", "--archive_existing")] + ["--resume"]
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1":
        return f" the same launcher and its {processes} processes: {shlex.join([program, *words])}"
    name = Path(program).name
    if name == "__main__.py":
        start = ["python", "-m", "nlp_transfer"]
    else:
        start = ["python", program] if name.endswith(".py") else [name]
    return f": {shlex.join([*start, *words])}"
