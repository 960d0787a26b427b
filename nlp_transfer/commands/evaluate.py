"""The command of scripts/evaluate.py."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import (
    FullHelp,
    add_computing,
    add_model,
    add_summary_settings,
    command_parser,
    read_generation,
    read_overrides,
)

if TYPE_CHECKING:
    from nlp_transfer.config.field_docs import HelpSection

CORPUS = "corpus"
"""What scripts/evaluate.py calls its corpus: `--corpus.path`."""


def evaluate(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/evaluate.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = command_parser(
            description,
            usage="%(prog)s MODEL --corpus.path PATH [--split NAME] [--output_dir DIR] [--corpus.PATH VALUE ...]",
            add_help=False,
        )
        parser.add_argument("--help", "-h", action=_CorpusHelp, nargs=0, help="show this and every field of a corpus")
        add_model(parser)
        parser.add_argument("--split", metavar="NAME", help="the split to score; default: test, or the only one")
        parser.add_argument("--output_dir", metavar="DIR", help="a new folder for scores, predictions and a report")
        parser.add_argument(
            "--bertscore_model", metavar="MODEL", help="of a model that summarises: an encoder for BERTScore, too"
        )
        add_summary_settings(parser)
        add_computing(parser)
        options, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
        overrides = read_overrides(rest, "--corpus.PATH VALUE such as --corpus.path data/kitchen")
        from nlp_transfer.config.experiment import read_corpus_config

        names = [
            "--split",
            "--output_dir",
            "--max_tokens",
            "--device",
            "--bertscore_model",
            "--length_unit",
            "--length",
        ]
        names += ["--generation", "--backend", "--precision"]
        corpus = read_corpus_config(overrides, CORPUS, names)
        from nlp_transfer.commands.evaluation import evaluate as score
        from nlp_transfer.reporting.tables import console

        result = score(
            options.model,
            corpus,
            split=options.split,
            output_dir=options.output_dir,
            device=options.device,
            max_tokens=options.max_tokens,
            length_unit=options.length_unit,
            length=options.length,
            generation=read_generation(options.generation),
            bertscore_model=options.bertscore_model,
            backend=options.backend,
            precision=options.precision,
        )
        console().print(result.summary())
    return status.code


class _CorpusHelp(FullHelp):
    """Prints the switches, then every field of a corpus."""

    def sections(self) -> "list[HelpSection]":
        """See `FullHelp`."""
        from nlp_transfer.config.experiment import help_corpus

        return help_corpus(CORPUS)
