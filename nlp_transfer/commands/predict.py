"""The command of scripts/predict.py."""

import sys
from collections.abc import Sequence

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import (
    add_computing,
    add_model,
    add_summary_settings,
    command_parser,
    read_generation,
)


def predict(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/predict.py. Returns its exit status."""
    with quiet_exit(reader_may_leave=True) as status:
        from nlp_transfer.data.input_texts import FILE_KINDS, STANDARD_INPUT, TEXT_FORMATS

        parser = command_parser(description)
        add_model(parser)
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
        add_summary_settings(parser)
        add_computing(parser)
        options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.tasks.sequence_classification.predictor import predict_file

        count = predict_file(
            options.model,
            options.file,
            output=options.output,
            text_column=options.text_column,
            file_format=options.format,
            device=options.device,
            top_k=options.top_k,
            max_tokens=options.max_tokens,
            length_unit=options.length_unit,
            length=options.length,
            generation=read_generation(options.generation),
            backend=options.backend,
            precision=options.precision,
        )
        if not count:
            name = "Standard input" if options.file == STANDARD_INPUT else options.file
            print(f"{name} holds no texts; nothing was predicted.", file=sys.stderr)
    return status.code
