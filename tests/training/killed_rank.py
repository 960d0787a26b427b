"""The command of scripts/train.py, whose second process is killed in a step; started by test_runtime.py.

torchrun --nproc_per_node 2 killed_rank.py CONFIG
"""

import os
import signal
import sys

from nlp_transfer import TransferTrainer
from nlp_transfer.commands import main

LAST_STEP = 7

step = TransferTrainer.training_step


def killing_step(self, *args, **kwargs):
    if os.environ["RANK"] == "1" and self.state.global_step == LAST_STEP:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *args, **kwargs)


if __name__ == "__main__":
    TransferTrainer.training_step = killing_step
    sys.exit(main(["train", "--config", sys.argv[1]]))
