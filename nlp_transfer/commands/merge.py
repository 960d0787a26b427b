"""The command of scripts/merge.py."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import command_parser

if TYPE_CHECKING:
    from nlp_transfer.commands.model_soup import Soup
    from nlp_transfer.commands.wise_ft import WiseFT


def merge(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/merge.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = command_parser(description)
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
            from nlp_transfer.commands.wise_ft import wise_ft

            given = {name: getattr(options, name) for name in ("alphas", "choose_by")}
            done: WiseFT | Soup = wise_ft(
                options.run, options.output, **{name: value for name, value in given.items() if value is not None}
            )
        else:
            from nlp_transfer.commands.model_soup import soup

            done = soup(options.runs, options.output, greedy=options.greedy)
        console().print(to_rich(done.table))
        for word, path in done.paths.items():
            print(f"{word:<8} {path}")
    return status.code
