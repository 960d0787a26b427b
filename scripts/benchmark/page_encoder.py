"""Train a small ResNet to find six kinds of blocks on drawn pages: an encoder for machines without a network.

    python -m scripts.benchmark.page_encoder --output runs/page_encoder

Its pages hold made-up words. `configs/smoke/page_encoder` is the model of such a run.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessorPil

import nlp_transfer
from nlp_transfer.data.sources.license_pages import draw_page

SIDE = 224
"""Height and width of what the encoder reads."""

PAGES = 1500

HIDDEN_SIZES = [8, 16, 32, 48]


def words(draw: random.Random, count: int) -> str:
    """Return made-up words."""
    letters = "etaoinshrdlucmfwypvbgk"
    return " ".join("".join(draw.choices(letters, k=draw.randint(2, 10))) for _ in range(count))


def paragraph(draw: random.Random) -> str:
    """Return a paragraph."""
    return words(draw, draw.randint(15, 120))


def capitals(draw: random.Random) -> str:
    """Return a paragraph in capital letters."""
    return words(draw, draw.randint(15, 90)).upper()


def section(draw: random.Random) -> str:
    """Return a numbered heading and a paragraph."""
    return f"{draw.randint(1, 20)}. {words(draw, draw.randint(1, 4)).title()}\n\n{paragraph(draw)}"


def items(draw: random.Random) -> str:
    """Return a list of indented items."""
    return "\n".join(f"      * {words(draw, draw.randint(2, 12))}" for _ in range(draw.randint(3, 15)))


def table(draw: random.Random) -> str:
    """Return columns of short cells."""
    cells, rows = draw.randint(3, 6), draw.randint(3, 15)
    return "\n".join(
        "   ".join("".join(draw.choices("0123456789.", k=draw.randint(2, 8))).ljust(12) for _ in range(cells))
        for _ in range(rows)
    )


def address(draw: random.Random) -> str:
    """Return a few short lines, such as those of a letter or of a copyright notice."""
    return "\n".join(words(draw, draw.randint(1, 5)).title() for _ in range(draw.randint(2, 6)))


BLOCKS: dict[str, Callable[[random.Random], str]] = {
    made.__name__: made for made in (paragraph, capitals, section, items, table, address)
}


def write_pages(folder: Path) -> Path:
    """Write pages of one to eight blocks, and a table of their kinds; return the table."""
    folder.mkdir(parents=True)
    draw, lines = random.Random(0), []
    for number in range(PAGES):
        kinds = draw.sample(sorted(BLOCKS), draw.randint(1, 4))
        chosen = [*kinds, *draw.choices(kinds, k=draw.randint(0, 4))]
        draw.shuffle(chosen)
        name = f"{number:04}.png"
        (folder / name).write_bytes(draw_page("\n\n".join(BLOCKS[kind](draw) for kind in chosen)))
        lines.append(json.dumps({"image": name, "labels": kinds}))
    table = folder / "pages.jsonl"
    table.write_text("\n".join(lines) + "\n")
    return table


def write_untrained(folder: Path) -> None:
    """Write a random ResNet and its processor."""
    torch.manual_seed(0)
    depths = [1] * len(HIDDEN_SIZES)
    config = ResNetConfig(embedding_size=HIDDEN_SIZES[0], hidden_sizes=HIDDEN_SIZES, depths=depths, layer_type="basic")
    ResNetForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def main() -> None:
    """Draw, train and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/page_encoder"), help="a new folder")
    output = parser.parse_args().output
    pages = write_pages(output / "pages")
    write_untrained(output / "untrained")
    training = {"output_dir": str(output / "run"), "learning_rate": 2e-3, "num_train_epochs": 16, "report_to": "none"}
    tree = {"model": str(output / "untrained"), "source": {"path": str(pages)}, "training": {**training, "seed": 0}}
    report = nlp_transfer.run(nlp_transfer.load_config(tree={**tree, "task": {"name": "image_classification"}}))
    print(report)


if __name__ == "__main__":
    main()
