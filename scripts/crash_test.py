"""Kill a training run at random instants, resume it each time, and compare its end with that of an undisturbed run.

python scripts/crash_test.py --output_dir runs/crash                            100 kills, one process
python scripts/crash_test.py --output_dir runs/crash2 --kills 20 --processes 2

Prints each kill, then kills, resumes, torn checkpoints passed over, and differences; the exit status is 1 if there is a
difference. Nothing is downloaded: the run is a small one on a random encoder.
"""

import sys
from pathlib import Path

from nlp_transfer.commands.crash_test import crash_test

if __name__ == "__main__":
    sys.exit(crash_test(Path(__file__).with_name("train.py"), description=__doc__))
