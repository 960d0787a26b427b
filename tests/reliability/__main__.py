"""Kill a training run at random instants, resume it each time, and compare its end with that of an undisturbed run.

python -m tests.reliability --output_dir runs/crash                            100 kills, one process
python -m tests.reliability --output_dir runs/crash2 --kills 20 --processes 2

Prints each kill, then kills, resumes, torn checkpoints passed over, and differences; the exit status is 1 if there is a
difference. Nothing is downloaded: the run is a small one on a random encoder.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.reliability.crash_testing import crash_test


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the crash test; return 1 where a run ended differently."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", required=True, type=Path, metavar="DIR", help="a new folder, for the runs")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="number of kills (default: 100)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="processes of a run (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the instants (default: 0)")
    options = parser.parse_args(arguments)
    report = crash_test(options.output_dir, kills=options.kills, processes=options.processes, seed=options.seed)
    print(report)
    for line in report.differences:
        print(f"  {line}")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
