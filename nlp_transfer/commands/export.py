"""The command of scripts/export.py."""

import sys
from collections.abc import Sequence

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import add_model, command_parser


def export(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/export.py. Returns its exit status."""
    with quiet_exit() as status:
        parser = command_parser(description)
        add_model(parser)
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
        from nlp_transfer.commands.export_checks import AGREEMENT
        from nlp_transfer.commands.exporting import export as write

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
