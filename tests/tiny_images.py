"""Tiny images and encoders of images."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from transformers import (
    ConvNextImageProcessorPil,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

from nlp_transfer.data.encoding.images import ImageCollator
from tests.tiny_runs import run_tree

CLASSES = ("dark", "light")
SIZE = 32
"""Height and width of what the encoders read."""


def draw(label: str, generator: torch.Generator) -> Image.Image:
    """A grey image of 40 x 30 pixels with noise, dark or light."""
    grey = 60 if label == "dark" else 190
    noise = torch.randint(-50, 50, (30, 40, 3), generator=generator)
    return Image.fromarray((grey + noise).numpy().astype(np.uint8))


def png(image: Image.Image) -> bytes:
    """The bytes of an image's file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def images(count: int, *, multi_label: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """Rows with images in memory; of several labels one, both or none."""
    generator = torch.Generator().manual_seed(seed)
    made: list[dict[str, Any]] = []
    for i in range(count):
        label = CLASSES[i % 2]
        image = {"bytes": png(draw(label, generator)), "path": None}
        labels = [label] if i % 3 else [] if i % 2 else list(CLASSES)
        made.append(
            {"id": f"image{seed}-{i}", "image": image} | ({"labels": labels} if multi_label else {"label": label})
        )
    return made


def in_files(rows: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Rows whose images, if they have some, are files of a folder."""
    files = {row["id"]: folder / f"{row['id']}.png" for row in rows if isinstance(row.get("image"), dict)}
    for row in rows:
        if row["id"] in files:
            files[row["id"]].write_bytes(row["image"]["bytes"])
    return [{**row, "image": str(files[row["id"]])} if row["id"] in files else row for row in rows]


def write_pages(folder: Path, sizes: tuple[int, int, int] = (24, 12, 12)) -> Path:
    """A folder of train, dev and test folders with a sub-folder a class. Returns the folder."""
    for seed, (split, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        for number, row in enumerate(images(size, seed=seed)):
            file = folder / split / row["label"] / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(row["image"]["bytes"])
    return folder


def tiny_image_model(kind: str = "resnet", *, labels: int = 2) -> PreTrainedModel:
    """A random classifier of images, a ResNet with batch norms or a vision transformer."""
    torch.manual_seed(0)
    names = {"id2label": {i: f"LABEL_{i}" for i in range(labels)}}
    if kind == "vit":
        size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        return ViTForImageClassification(ViTConfig(**size, image_size=SIZE, patch_size=8, **names)).eval()
    sizes = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]}
    return ResNetForImageClassification(ResNetConfig(**sizes, layer_type="basic", **names)).eval()


def tiny_image_encoder(folder: Path, kind: str = "resnet") -> Path:
    """The folder of a random encoder of images with its processor. Returns the folder."""
    tiny_image_model(kind).save_pretrained(folder)
    if kind == "vit":
        processor: Any = ViTImageProcessorPil(size={"height": SIZE, "width": SIZE})
    else:
        processor = ConvNextImageProcessorPil(size={"shortest_edge": SIZE}, crop_pct=0.875)
    processor.save_pretrained(folder)
    return folder


def pixel_rows(count: int, *, seed: int = 0) -> Dataset:
    """Encoded rows of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3, SIZE, SIZE), np.uint8)
    rows = [{"pixels": one.tobytes(), "length": 4, "labels": i % 2} for i, one in enumerate(pixels)]
    return Dataset.from_list(rows)


def collate_pixels(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """A batch of encoded rows."""
    return ImageCollator(ViTImageProcessorPil(size={"height": SIZE, "width": SIZE}))(rows)


collate_pixels.columns = ImageCollator.columns  # type: ignore[attr-defined]


def image_tree(encoder: Path, corpus: Path, output: Path, **training: Any) -> dict[str, Any]:
    """The configuration tree of a short run."""
    return {**run_tree(encoder, corpus, output, **training), "task": {"name": "image_classification"}}
