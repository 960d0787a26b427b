"""What stands between a shell and `run`: the options, their help, and errors without a traceback."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from nlp_transfer.errors import ConfigError, NLPTransferError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

BAD_INPUT = 2
"""Exit status after an error that the user can mend."""


def train(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/train.py. Returns its exit status."""
    with quiet_exit() as status:
        options, overrides = parse(sys.argv[1:] if arguments is None else arguments, description)
        from nlp_transfer.config import load_config

        config = load_config(options.config, overrides)
        if options.print_config:
            from nlp_transfer.reporting.yaml_text import to_yaml

            print(to_yaml(config.record()), end="")
        elif options.dry_run:
            from nlp_transfer.run import dry_run

            print(dry_run(config))
        else:
            from nlp_transfer.reporting.tables import console
            from nlp_transfer.run import run

            folder = str(config.training.output_dir)
            report = run(config, resume=options.resume)
            if report is not None:
                console().print(report.summary())
            elif is_main_process():
                print(f"{folder} holds this run, finished. Nothing to do; its report is {folder}/report.md.")
    return status.code


def sweep(file: str, *, run: bool) -> int:
    """The command of scripts/sweep.py. Returns its exit status."""
    with quiet_exit() as status:
        from nlp_transfer.reporting.sweeps import load_results, sweep_table
        from nlp_transfer.reporting.tables import console, to_rich
        from nlp_transfer.sweep import RESULTS, read_sweep, run_sweep

        plan = read_sweep(file)
        results = run_sweep(plan) if run else list(load_results(plan.output_dir / RESULTS).values())
        console().print(to_rich(sweep_table(results, f"{file}: {plan.output_dir / RESULTS}")))
    return status.code


class Status:
    """The exit status that `quiet_exit` came to."""

    code: int = 0


@contextlib.contextmanager
def quiet_exit() -> Iterator[Status]:
    """Print errors that the user can mend as text, not as a traceback, once for all processes."""
    status = Status()
    try:
        yield status
    except NLPTransferError as error:
        status.code = BAD_INPUT
        if is_main_process():
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        status.code = INTERRUPTED
        if is_main_process():
            print("Interrupted.", file=sys.stderr)


def is_main_process() -> bool:
    """Whether this is the process that speaks; known before torch is imported."""
    return os.environ.get("RANK", "0") == "0"


def parse(arguments: Sequence[str], description: str) -> tuple[argparse.Namespace, list[tuple[str, Any]]]:
    """Split a command line into its switches and the overrides of configuration values.

    Returns:
        The switches (config, print_config, dry_run, resume), and (path, value) pairs.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s --config FILE [--print_config | --dry_run] [--resume] [--PATH VALUE ...]",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("--help", "-h", action=_FullHelp, nargs=0, help="show this and every field of a configuration")
    parser.add_argument(
        "--config", action="append", default=[], metavar="FILE", help="YAML; of several, later ones win"
    )
    parser.add_argument("--print_config", action="store_true", help="print the resolved configuration and stop")
    parser.add_argument(
        "--dry_run", action="store_true", help="check all, load the data, show ten examples, train nothing"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in training.output_dir, or start it")
    options, rest = parser.parse_known_args(arguments)
    return options, read_overrides(rest)


def read_overrides(words: Sequence[str]) -> list[tuple[str, Any]]:
    """(path, value) pairs from `--path value` and `--path=value`; values are read as YAML reads them.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    from nlp_transfer.config import read_value

    overrides: list[tuple[str, Any]] = []
    problems: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        path, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not path:
            problems.append(
                f"{word!r} is not an option; expected --config FILE, or --PATH VALUE such as --task.max_length 128."
            )
        elif equals:
            overrides.append((path, read_value(text)))
        elif left and not left[0].startswith("--"):
            overrides.append((path, read_value(left.pop(0))))
        else:
            problems.append(f"--{path} has no value; expected --{path} VALUE, or --{path}=VALUE.")
    if problems:
        raise ConfigError(problems)
    return overrides


class _FullHelp(argparse.Action):
    """Prints the switches, then every field of a configuration with its type and default."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from nlp_transfer.config import help_fields, type_name

        everything = argparse.ArgumentParser(
            prog=parser.prog,
            description=parser.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage=parser.usage,
            add_help=False,
        )
        everything.add_argument_group("options")
        for action in parser._actions:
            everything._add_action(action)
        for title, fields in help_fields():
            group = everything.add_argument_group(title)
            for path, hint, default, text in fields:
                shown = "" if default == "" else f"; default: {'null' if default is None else default}"
                group.add_argument(
                    f"--{path}", metavar="", help=f"{text} ({type_name(hint)}{shown})".replace("%", "%%")
                )
        everything.print_help()
        parser.exit()
