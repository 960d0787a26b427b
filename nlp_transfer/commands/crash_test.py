"""The command of scripts/crash_test.py."""

import sys
from collections.abc import Sequence
from pathlib import Path

from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.config.command_line import command_parser


def crash_test(script: Path, arguments: Sequence[str] | None = None, description: str = "") -> int:
    """The command of scripts/crash_test.py. Returns its exit status, 1 where a run ended differently.

    Args:
        script: scripts/train.py, which is killed.
        arguments: the command line; None is this process's.
        description: what `--help` begins with.
    """
    with quiet_exit() as status:
        parser = command_parser(description)
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
