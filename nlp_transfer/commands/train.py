"""The command of scripts/train.py."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nlp_transfer.config.command_ending import INTERRUPTED, NOT_PUSHED, RESUMABLE, is_main_process, quiet_exit
from nlp_transfer.config.command_line import FullHelp, command_parser, read_overrides
from nlp_transfer.errors import ConfigError, RunInterrupted

if TYPE_CHECKING:
    from nlp_transfer.config.experiment import Experiment


def train(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/train.py. Returns its exit status."""
    with quiet_exit() as status:
        options, overrides = parse(sys.argv[1:] if arguments is None else arguments, description)
        from nlp_transfer.config.experiment import load_config

        config = load_config(options.config, overrides)
        if options.print_config:
            from nlp_transfer.reporting.yaml_text import to_yaml

            print(to_yaml(config.record()), end="")
        elif options.dry_run:
            from nlp_transfer.commands.dry_run import dry_run
            from nlp_transfer.training.runtime import leave_process_group, naming_lost_processes

            with naming_lost_processes():
                print(dry_run(config))
            leave_process_group()
        elif options.estimate:
            from nlp_transfer.commands.estimate import estimate
            from nlp_transfer.reporting.tables import console, to_rich

            print("Timing some updates and evaluations …", file=sys.stderr)
            found = estimate(config)
            console().print(to_rich(found.table(" ".join(options.config) or "This run")))
        else:
            status.code = _run(config, resume=options.resume, archive_existing=options.archive_existing)
    return status.code


def _run(config: "Experiment", *, resume: bool, archive_existing: bool) -> int:
    """Train, with the signals of clusters and terminals caught. Returns the exit status."""
    from nlp_transfer.commands.run import run
    from nlp_transfer.reporting.run_folder import inspect
    from nlp_transfer.reporting.tables import console
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
            with naming_lost_processes():
                report = run(config, resume=resume, archive_existing=archive_existing, stop_signals=signals)
        except RunInterrupted as stop:
            if is_main_process():
                print(f"{stop}\nGo on with{_resuming_command()}", file=sys.stderr)
            leave_process_group()
            return INTERRUPTED if stop.at_once else RESUMABLE
    leave_process_group()
    if report is not None and not was_finished:
        console().print(report.summary())
        if report.unpushed:
            print(f"\n{report.unpushed}", file=sys.stderr)
            return NOT_PUSHED
    return 0


def _resuming_command() -> str:
    """The command of this process with `--resume`, without secrets; several processes need their launcher."""
    from nlp_transfer.reporting.config_record import command_record

    words = [word for word in command_record(sys.argv) if word not in ("--resume", "--archive_existing")]
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1":
        return f" the same launcher and its {processes} processes: {shlex.join([*words, '--resume'])}"
    return f": {shlex.join(['python', *words, '--resume'])}"


def parse(arguments: Sequence[str], description: str) -> tuple[argparse.Namespace, list[tuple[str, Any]]]:
    """Split a command line into its switches and the overrides of configuration values.

    Returns:
        The switches (config, print_config, dry_run, estimate, resume, archive_existing), and (path, value) pairs.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    parser = command_parser(
        description,
        usage="%(prog)s --config FILE [--print_config | --dry_run | --estimate] [--resume | --archive_existing] "
        "[--PATH VALUE ...]",
        add_help=False,
    )
    parser.add_argument("--help", "-h", action=FullHelp, nargs=0, help="show this and every field of a configuration")
    parser.add_argument(
        "--config", action="append", default=[], metavar="FILE", help="YAML; of several, later ones win"
    )
    parser.add_argument("--print_config", action="store_true", help="print the resolved configuration and stop")
    parser.add_argument(
        "--dry_run", action="store_true", help="check all, load data and model, show ten examples, train nothing"
    )
    parser.add_argument(
        "--estimate",
        action="store_true",
        help="time a few updates, print what the run will take (time, memory, operations, cache), train nothing",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in training.output_dir, start it if there is none, end at once if it is finished",
    )
    parser.add_argument(
        "--archive_existing", action="store_true", help="rename the run in training.output_dir, and start another"
    )
    options, rest = parser.parse_known_args(arguments)
    return options, read_overrides(rest)
