"""What stands between a shell and `run`: the options, their help, and errors without a traceback."""

import argparse
import contextlib
import errno
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError, NLPTransferError, RunInterrupted

if TYPE_CHECKING:
    from nlp_transfer.config import Config
    from nlp_transfer.soups import Soup
    from nlp_transfer.wise_ft import WiseFT

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

RESUMABLE = 75
"""Exit status of a run that a signal stopped and `--resume` goes on with; sysexits' EX_TEMPFAIL: try again."""

NO_ROOM_OR_RIGHT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the system that the user can mend."""

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
            from nlp_transfer.dry_run import dry_run
            from nlp_transfer.training.processes import leave_process_group

            print(dry_run(config))
            leave_process_group()
        elif options.estimate:
            from nlp_transfer.estimating import estimate
            from nlp_transfer.reporting.tables import console, to_rich

            found = estimate(config, say=lambda text: print(text, file=sys.stderr))
            console().print(to_rich(found.table(" ".join(options.config) or "This run")))
        else:
            status.code = _run(config, resume=options.resume, new_run=options.new_run)
    return status.code


def _run(config: "Config", *, resume: bool, new_run: bool) -> int:
    """Train, with the signals of clusters and terminals caught. Returns the exit status."""
    from nlp_transfer.reporting.tables import console
    from nlp_transfer.run import run
    from nlp_transfer.training.processes import leave_process_group
    from nlp_transfer.training.signals import StopSignals

    folder = str(config.training.output_dir)
    if resume and new_run:
        raise ConfigError("--resume goes on with the run in the folder, --new_run begins another: choose one of them.")
    with StopSignals() as signals:
        try:
            report = run(config, resume=resume, new_run=new_run, stop_signals=signals)
        except RunInterrupted as stop:
            if is_main_process():
                print(f"{stop}\nGo on with{_resuming_command()}", file=sys.stderr)
            leave_process_group()
            return INTERRUPTED if stop.at_once else RESUMABLE
    leave_process_group()
    if report is not None:
        console().print(report.summary())
    elif is_main_process():
        print(f"{folder} holds this run, finished. Nothing to do; its report is {folder}/report.md.")
    return 0


def _resuming_command() -> str:
    """The command of this process with `--resume`, without secrets; several processes need their launcher."""
    from nlp_transfer.reporting.config_record import command_record

    words = [word for word in command_record(sys.argv) if word not in ("--resume", "--new_run")]
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1":
        return f" the same launcher and its {processes} processes: {shlex.join([*words, '--resume'])}"
    return f": {shlex.join(['python', *words, '--resume'])}"


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


def evaluate(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/evaluate.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = argparse.ArgumentParser(
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage="%(prog)s MODEL --corpus.path PATH [--split NAME] [--output_dir DIR] [--corpus.PATH VALUE ...]",
            allow_abbrev=False,
            add_help=False,
        )
        parser.add_argument("--help", "-h", action=_CorpusHelp, nargs=0, help="show this and every field of a corpus")
        parser.add_argument("model", metavar="MODEL", help="a run's output folder, a model folder, or a Hub id")
        parser.add_argument("--split", metavar="NAME", help="the split to score; default: test, or the only one")
        parser.add_argument("--output_dir", metavar="DIR", help="a new folder for scores, predictions and a report")
        parser.add_argument(
            "--bertscore_model", metavar="MODEL", help="of a model that summarises: an encoder for BERTScore, too"
        )
        _add_selecting(parser)
        _add_computing(parser)
        options, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
        overrides = read_overrides(rest, "--corpus.PATH VALUE such as --corpus.path data/kitchen")
        from nlp_transfer.config import read_corpus_config

        names = ["--split", "--output_dir", "--max_tokens", "--device", "--bertscore_model", "--select_by", "--select"]
        names += ["--backend", "--precision"]
        corpus = read_corpus_config(overrides, CORPUS, names)
        from nlp_transfer.evaluation import evaluate as score
        from nlp_transfer.reporting.tables import console

        result = score(
            options.model,
            corpus,
            split=options.split,
            output_dir=options.output_dir,
            device=options.device,
            max_tokens=options.max_tokens,
            select_by=options.select_by,
            select=options.select,
            bertscore_model=options.bertscore_model,
            backend=options.backend,
            precision=options.precision,
        )
        console().print(result.summary())
    return status.code


def predict(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/predict.py. Returns its exit status."""
    with quiet_exit() as status:
        from nlp_transfer.data.texts import FILE_KINDS, STANDARD_INPUT, TEXT_FORMATS

        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument("model", metavar="MODEL", help="a run's output folder, a model folder, or a Hub id")
        parser.add_argument(
            "file",
            metavar="FILE",
            nargs="?",
            default=STANDARD_INPUT,
            help=f"a file that ends in {FILE_KINDS}; a folder of text files; - (the default) is standard input",
        )
        parser.add_argument(
            "--output", metavar="FILE", help="write here and not to standard output; appears when all is predicted"
        )
        parser.add_argument(
            "--text_column",
            metavar="NAME",
            help="the column that holds the text (default: text; document for a model that summarises)",
        )
        parser.add_argument(
            "--format",
            default="auto",
            choices=TEXT_FORMATS,
            help="auto goes by the suffix; standard input is JSON Lines if its first line starts with {, else text "
            "(one text a line); document is all as one text, which a model that summarises takes plain text for",
        )
        parser.add_argument("--top_k", type=int, metavar="N", help="show the N most probable classes (default: all)")
        _add_selecting(parser)
        _add_computing(parser)
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.prediction import predict_file

        count = predict_file(
            options.model,
            options.file,
            output=options.output,
            text_column=options.text_column,
            file_format=options.format,
            device=options.device,
            top_k=options.top_k,
            max_tokens=options.max_tokens,
            select_by=options.select_by,
            select=options.select,
            backend=options.backend,
            precision=options.precision,
        )
        if not count:
            name = "Standard input" if options.file == STANDARD_INPUT else options.file
            print(f"{name} holds no texts; nothing was predicted.", file=sys.stderr)
    return status.code


def export(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/export.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument("model", metavar="MODEL", help="a run's output folder, a model folder, or a Hub id")
        parser.add_argument(
            "--output",
            metavar="DIR",
            help="a new folder, or that of an earlier export, which is replaced (default: onnx in the run's folder)",
        )
        parser.add_argument(
            "--precision", default="float32", choices=("float32", "int8", "both"), help="of the weights: float32, int8"
        )
        parser.add_argument(
            "--check", metavar="FILE", help="texts to compare on (default: the run's held-out ones, if they are here)"
        )
        parser.add_argument("--text_column", metavar="NAME", help="of --check, the column that holds the text")
        parser.add_argument(
            "--agreement", type=float, metavar="SHARE", help="of the texts that must keep their labels in int8"
        )
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.exporting import AGREEMENT
        from nlp_transfer.exporting import export as write

        done = write(
            options.model,
            options.output,
            precision=options.precision,
            check=options.check,
            text_column=options.text_column,
            agreement=AGREEMENT if options.agreement is None else options.agreement,
        )
        print(f"Exported to {done.folder}.")
    return status.code


def merge(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/merge.py. Returns its exit status."""
    with quiet_exit() as status:
        looks = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(description=description, formatter_class=looks, allow_abbrev=False)
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="{wise_ft,soup}")
        wise = kinds.add_parser("wise_ft", help="between the pretrained and the fine-tuned encoder", allow_abbrev=False)
        wise.add_argument("run", metavar="RUN", help="the output folder of a finished run")
        wise.add_argument("--output", metavar="DIR", help="a new folder (default: wise_ft in the run's)")
        wise.add_argument(
            "--alphas", type=float, nargs="+", metavar="N", help="0 is pretrained, 1 fine-tuned (default: 0, 0.1 … 1)"
        )
        wise.add_argument(
            "--choose_by",
            metavar="NAME",
            help="macro_f1 of source validation (the default); or, without labels, target_infomax, target_entropy or "
            "target_density",
        )
        soups = kinds.add_parser("soup", help="the mean of several runs", allow_abbrev=False)
        soups.add_argument("runs", metavar="RUN", nargs="+", help="output folders of finished runs")
        soups.add_argument("--output", required=True, metavar="DIR", help="a new folder")
        soups.add_argument("--greedy", action="store_true", help="write the greedy soup; both are scored")
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.reporting.tables import console, to_rich

        if options.kind == "wise_ft":
            from nlp_transfer.wise_ft import wise_ft

            given = {name: getattr(options, name) for name in ("alphas", "choose_by")}
            done: WiseFT | Soup = wise_ft(
                options.run, options.output, **{name: value for name, value in given.items() if value is not None}
            )
        else:
            from nlp_transfer.soups import soup

            done = soup(options.runs, options.output, greedy=options.greedy)
        console().print(to_rich(done.table))
        for word, path in done.paths.items():
            print(f"{word:<8} {path}")
    return status.code


def push(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/push.py. Returns its exit status."""
    with quiet_exit() as status:
        options = _push_parser(description).parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.pushing import PushSettings, card_text, described, prepare, read_source
        from nlp_transfer.pushing import push as send

        settings = PushSettings(
            what=options.what,
            public=options.public,
            revision=options.revision,
            license_name=options.license,
            language=tuple(options.language),
            card=options.card and Path(options.card),
            allowed=tuple(options.allow),
            check_corpus=not options.without_corpus_check,
            into_existing=options.into_existing,
            runs=tuple(map(Path, options.run)),
        )
        folder = Path(options.run_folder)
        if options.write_card is not None:
            place = Path(options.write_card)
            if place.exists():
                raise ConfigError(f"--write_card {place} is there already, and is not overwritten; name another file.")
            text = card_text(read_source(folder, settings), options.repo_id, settings)
            try:
                place.write_text(text, "utf-8")
            except OSError as error:
                raise ConfigError(f"--write_card {place} cannot be written: {error.strerror or error}.") from error
            print(f"The card is in {place}. Edit it, and push it with --card {place}.")
        elif options.dry_run:
            from nlp_transfer.publishing.findings import stop_at
            from nlp_transfer.reporting.tables import console, to_rich

            prepared = prepare(read_source(folder, settings), options.repo_id, settings)
            console().print(to_rich(described(prepared), longest_name=60))
            print("\n".join([f"Stays here: {', '.join(prepared.left) or 'nothing'}.", *prepared.notes]))
            stop_at(prepared.findings, settings.allowed)
            print("The scan lets it pass. Nothing was sent.")
        else:
            done = send(folder, options.repo_id, settings)
            print(f"{done.repo_url}\nrevision {done.oid}")
    return status.code


def _push_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "run_folder", metavar="RUN_FOLDER", help="the output folder of a finished run, or of scripts/merge.py"
    )
    parser.add_argument("repo_id", metavar="REPO_ID", help="OWNER/NAME; a NAME alone is yours")
    parser.add_argument(
        "--what",
        metavar="PART",
        help="model, adapter, or both: the model with the adapter in a folder (default: model, if the run has one)",
    )
    parser.add_argument("--dry_run", action="store_true", help="list what would go and why, scan it, send nothing")
    parser.add_argument("--public", action="store_true", help="let everyone read a new repository (default: private)")
    parser.add_argument("--revision", metavar="NAME", help="a branch; made where there is none (default: main)")
    parser.add_argument("--license", metavar="NAME", help="for the card, as the Hub names it, such as apache-2.0")
    parser.add_argument("--language", nargs="+", default=[], metavar="CODE", help="of the texts, such as en")
    parser.add_argument("--write_card", metavar="FILE", help="write the card to a file, to be edited, and stop")
    parser.add_argument("--card", metavar="FILE", help="take this card; its numbers and base model are the run's")
    parser.add_argument("--allow", nargs="+", default=[], metavar="KEY", help="let findings of the scan pass, by key")
    parser.add_argument(
        "--run",
        nargs="+",
        default=[],
        metavar="DIR",
        help="the runs that a merged model is of, where they do not lie around it, or the run of a model's extractor; "
        "known by their fingerprints",
    )
    parser.add_argument(
        "--without_corpus_check",
        action="store_true",
        help="do not look for words of the corpus, where it is not at hand",
    )
    parser.add_argument(
        "--into_existing", action="store_true", help="push into a repository that holds files of no push of ours"
    )
    return parser


def cache(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/cache.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument("action", choices=("list", "clear"), help="what to do")
        parser.add_argument("--room", metavar="NAME", help="only this room, such as activations")
        parser.add_argument(
            "--older_than_days",
            type=float,
            default=0.0,
            metavar="N",
            help="clear only what was not used for so long (default: 0, all)",
        )
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.data.activations import shown_bytes
        from nlp_transfer.data.cache import cache_dir
        from nlp_transfer.data.cache_contents import cached_files, clear_cache, describe_cache

        if not options.older_than_days >= 0:
            raise ConfigError(f"--older_than_days is {options.older_than_days}; expected 0 or more.")
        if options.action == "list":
            if options.older_than_days:
                raise ConfigError("--older_than_days says what to clear; list shows all ages.")
            print(describe_cache(cached_files(options.room)))
        else:
            gone = clear_cache(options.room, options.older_than_days)
            freed = shown_bytes(sum(file.size_bytes for file in gone))
            print(f"Deleted {len(gone)} {'file' if len(gone) == 1 else 'files'}, {freed}, from {cache_dir()}.")
    return status.code


def crash_test(script: Path, arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/crash_test.py. Returns its exit status, 1 where a run ended differently.

    Args:
        script: scripts/train.py, which is killed.
        arguments: the command line; None is this process's.
        description: what `--help` begins with.
    """
    with quiet_exit() as status:
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument("--output_dir", required=True, metavar="DIR", help="a new folder, for the runs")
        parser.add_argument("--kills", type=int, default=100, metavar="N", help="kill so often (default: 100)")
        parser.add_argument("--processes", type=int, default=1, metavar="N", help="processes of a run (default: 1)")
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the instants (default: 0)")
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.crash_testing import crash_test as kill_and_compare

        report = kill_and_compare(
            Path(options.output_dir),
            kills=options.kills,
            processes=options.processes,
            seed=options.seed,
            script=script,
            say=lambda text: print(text, flush=True),
        )
        print(report)
        for line in report.differences:
            print(f"  {line}")
        status.code = 1 if report.differences else 0
    return status.code


CORPUS = "corpus"
"""What scripts/evaluate.py calls its corpus: `--corpus.path`."""


def _add_selecting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--select_by",
        metavar="UNIT",
        help="of a model that summarises: sentences, words, characters, or share of the words (default: as trained)",
    )
    parser.add_argument("--select", type=float, metavar="SIZE", help="and how many of them a summary may have")


def _add_computing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend",
        default="pytorch",
        metavar="NAME",
        help="pytorch (the default), or onnx for a model, or a run's, that scripts/export.py wrote",
    )
    parser.add_argument("--precision", metavar="NAME", help="of an exported model: float32 (default, if there), int8")
    parser.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1 …; default: a GPU, if any")
    parser.add_argument(
        "--max_tokens",
        type=int,
        metavar="N",
        help="tokens of a batch, padding counted; the default suits the device, fewer need less memory",
    )


class Status:
    """The exit status that `quiet_exit` came to."""

    code: int = 0


@contextlib.contextmanager
def quiet_exit() -> Iterator[Status]:
    """Print errors that the user can mend as text, not as a traceback, once for all processes.

    Every command runs inside, and imports what is heavy there.
    """
    status = Status()
    _leave_script_folder()
    try:
        yield status
    except NLPTransferError as error:
        status.code = BAD_INPUT
        if is_main_process():
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in NO_ROOM_OR_RIGHT:
            raise
        status.code = BAD_INPUT
        if is_main_process():
            print(f"{error.filename or 'A file'} cannot be written or read: {error.strerror}.", file=sys.stderr)
    except KeyboardInterrupt:
        status.code = INTERRUPTED
        if is_main_process():
            print("Interrupted.", file=sys.stderr)


def _leave_script_folder() -> None:
    """Take the running script's folder off the import path, where its evaluate.py hides the package `evaluate`."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None or not (Path(script).parent / "evaluate.py").is_file():
        return
    folder = Path(script).parent.resolve()
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]


def is_main_process() -> bool:
    """Whether this is the process that speaks; known before torch is imported."""
    return os.environ.get("RANK", "0") == "0"


def parse(arguments: Sequence[str], description: str) -> tuple[argparse.Namespace, list[tuple[str, Any]]]:
    """Split a command line into its switches and the overrides of configuration values.

    Returns:
        The switches (config, print_config, dry_run, estimate, resume, new_run), and (path, value) pairs.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s --config FILE [--print_config | --dry_run | --estimate] [--resume | --new_run] "
        "[--PATH VALUE ...]",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("--help", "-h", action=_FullHelp, nargs=0, help="show this and every field of a configuration")
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
        "--new_run", action="store_true", help="rename the run in training.output_dir, and start another"
    )
    options, rest = parser.parse_known_args(arguments)
    return options, read_overrides(rest)


OVERRIDES = "--config FILE, or --PATH VALUE such as --task.max_length 128"
"""What scripts/train.py takes, for messages."""


def read_overrides(words: Sequence[str], expected: str = OVERRIDES) -> list[tuple[str, Any]]:
    """(path, value) pairs from `--path value` and `--path=value`; values are read as YAML reads them.

    Args:
        words: what is left of a command line.
        expected: what could stand there, for messages.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    from nlp_transfer.reading.trees import read_value

    overrides: list[tuple[str, Any]] = []
    problems: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        path, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not path:
            problems.append(f"{word!r} is not an option; expected {expected}.")
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
        from nlp_transfer.reading.described import type_name

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
        everything.print_help()
        for title, fields in self.sections():
            # A parser of its own, since tasks have fields of the same name.
            section = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
            group = section.add_argument_group(title)
            for path, hint, default, text in fields:
                shown = "" if default == "" else f"; default: {'null' if default is None else default}"
                group.add_argument(
                    f"--{path}", metavar="", help=f"{text} ({type_name(hint)}{shown})".replace("%", "%%")
                )
            print(f"\n{section.format_help()}", end="")
        parser.exit()

    def sections(self) -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
        """The groups of fields to print, as `help_fields` gives them."""
        from nlp_transfer.config import help_fields

        return help_fields()


class _CorpusHelp(_FullHelp):
    """Prints the switches, then every field of a corpus."""

    def sections(self) -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
        """See `_FullHelp`."""
        from nlp_transfer.config import help_corpus

        return help_corpus(CORPUS)
