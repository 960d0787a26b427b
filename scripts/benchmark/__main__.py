"""Measure stock transformers and this package on the same work, in turn.

python -m scripts.benchmark --config configs/benchmark.yaml --list
python -m scripts.benchmark --config configs/benchmark.yaml --device cpu --seeds 0 1 2
python -m scripts.benchmark --config configs/benchmark.yaml --only full_scicite --repeats 5
python -m scripts.benchmark --config configs/benchmark.yaml --growth

Each measurement runs in a process of its own: stock, ours, stock, ours. All of them are in --output, written as they
come; interrupted, the same command goes on. Leave the machine alone meanwhile.
"""

import sys

from scripts.benchmark.command import benchmark

if __name__ == "__main__":
    sys.exit(benchmark(description=str(__doc__)))
