"""Run one experiment from a configuration file.

accelerate launch scripts/train.py --config configs/quickstart.yaml
accelerate launch scripts/train.py --config configs/chemprot.yaml --training.learning_rate 5e-5 --task.max_length 96
accelerate launch scripts/train.py --config configs/chemprot.yaml --methods lora --methods.lora.r 16
accelerate launch --config_file configs/accelerate/multi_gpu.yaml scripts/train.py --config my.yaml --resume

python scripts/train.py --help                                          every field of a configuration
python scripts/train.py --config configs/quickstart.yaml --print_config the resolved configuration
python scripts/train.py --config configs/quickstart.yaml --dry_run      check all, load the data, train nothing
"""

import sys

from nlp_transfer.commands.train import train

if __name__ == "__main__":
    sys.exit(train(description=__doc__))
