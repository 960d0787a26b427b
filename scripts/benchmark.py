"""Measure stock transformers and this package on the same work, in turn, and print what each takes.

python scripts/benchmark.py --config configs/benchmark.yaml --list
python scripts/benchmark.py --config configs/benchmark.yaml --device cpu --seeds 0 1 2
python scripts/benchmark.py --config configs/benchmark.yaml --device cuda --seeds 0 1 2
python scripts/benchmark.py --config configs/benchmark.yaml --only full_scicite --repeats 5
python scripts/benchmark.py --config configs/benchmark.yaml --growth

Each measurement runs in a process of its own: stock, ours, stock, ours. All of them stand in --output, written as they
come; interrupted, the same command goes on. Leave the machine alone meanwhile.
"""

import sys

from nlp_transfer.benchmark.command import benchmark

if __name__ == "__main__":
    sys.exit(benchmark(description=__doc__))
