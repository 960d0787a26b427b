"""Encode images once: resized and cropped as an encoder's processor does, cached on disk, then memory-mapped.

The pixels are bytes. A collator rescales and normalises them by the same processor, which is of Pillow's kind: that of
torchvision resizes to other pixels.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from datasets import Dataset, List, Value
from torch import Tensor

from nlp_transfer.data.corpus import DIGEST, IMAGE, class_names, label_column
from nlp_transfer.data.encoding.collators import stacked_labels
from nlp_transfer.data.encoding.tokens import class_labels, map_to_cache, rows_digest
from nlp_transfer.data.validation.images import ADVICE, BadImage, Held, content_of, listed, open_image
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import BaseImageProcessor

PIXELS = "pixels"
"""Column of an encoded image, as bytes, shape (channels, height, width)."""

PATCH = 16
"""An image counts as many tokens as it has patches of 16 x 16 pixels, whatever reads it."""

_BATCH_ROWS = 128  # images that are in memory together


def encode_images(
    dataset: Dataset, processor: "BaseImageProcessor", *, fingerprint: str, keep: tuple[str, ...] = ()
) -> Dataset:
    """Encode the images of one split.

    Args:
        dataset: columns `id`, `text` (the names), `image`, `digest`, and optionally `label` or `labels`.

    Returns:
        One row an image: `id`, the columns of `keep`, `pixels`, `length` (see `PATCH`), and `labels`: an int, or
        multi-hot floats, shape (classes,).

    Raises:
        DataError: images are damaged, or changed since they were read.
    """
    label = label_column(dataset.column_names)
    classes = len(class_names(dataset)) if label == "labels" else 0
    kept = list(dict.fromkeys(["id", *keep]))
    settings = [kept, label, classes, fingerprint, processor_settings(processor)]
    features = {column: dataset.features[column] for column in kept}
    features |= {PIXELS: Value("binary"), "length": Value("int32")}
    if label:
        features["labels"] = Value("int64") if label == "label" else List(Value("float32"))
    columns = list(dict.fromkeys([*kept, "text", IMAGE, DIGEST, *([label] if label else [])]))
    key = cache_key(rows_digest(dataset, [*kept, DIGEST, *([label] if label else [])]), settings)
    encode = partial(_encode_batch, processor=processor, kept=kept, label=label, classes=classes)
    return map_to_cache(key, dataset.select_columns(columns), encode, features, processor, batch_size=_BATCH_ROWS)


def _encode_batch(
    batch: dict[str, list[Any]], *, processor: "BaseImageProcessor", kept: list[str], label: str | None, classes: int
) -> dict[str, Any]:
    """Encode one batch of rows."""
    pixels, problems = read_pixels(batch[IMAGE], processor, batch[DIGEST])
    if problems:
        reasons: dict[str, list[str]] = {}
        for place, reason in problems.items():
            reasons.setdefault(reason, []).append(batch[IMAGE][place]["path"] or batch["text"][place])
        raise DataError([f"image {listed(names)} {reason}. {ADVICE}" for reason, names in reasons.items()])
    columns: dict[str, Any] = {name: batch[name] for name in kept}
    columns[PIXELS] = [one.tobytes() for one in pixels]
    columns["length"] = [image_length(pixels[0])] * len(pixels)
    if label:
        columns["labels"] = class_labels(batch, label, classes)
    return columns


def read_pixels(
    images: Sequence[Held], processor: "BaseImageProcessor", digests: Sequence[str] | None = None
) -> tuple[list[np.ndarray], dict[int, str]]:
    """Return the pixels of images that can be read, uint8, shape (channels, height, width) each, and why others cannot.

    Args:
        digests: the SHA-256 that the files had when they were checked; None checks nothing.

    Returns:
        The pixels, and reasons by the places of images that have none.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes and resizes without Python's lock
        made = list(pool.map(partial(_pixels, processor), images, digests or [None] * len(images)))
    problems = {place: one for place, one in enumerate(made) if isinstance(one, str)}
    return [one for one in made if not isinstance(one, str)], problems


def _pixels(processor: "BaseImageProcessor", image: Held, digest: str | None) -> np.ndarray | str:
    """Return the pixels of one image, or why it has none."""
    try:
        content = content_of(image)
        if digest is not None and sha256(content).hexdigest() != digest:
            return "has changed while it was read"
        opened = open_image(content)
    except BadImage as error:
        return str(error)
    return resized(opened, processor)


def resized(image: Any, processor: "BaseImageProcessor") -> np.ndarray:
    """Return a Pillow image as a processor resizes and crops it, uint8, shape (channels, height, width)."""
    options: dict[str, Any] = {"return_tensors": "np", **without(processor, _VALUES)}
    made = processor(images=[image], **options)
    return np.asarray(made["pixel_values"])[0].round().clip(0, 255).astype(np.uint8)


def normalized(images: Sequence[np.ndarray], processor: "BaseImageProcessor") -> np.ndarray:
    """Return resized images as a processor rescales and normalises them, float32, shape (images, channels, …)."""
    options: dict[str, Any] = {"return_tensors": "np", "input_data_format": "channels_first"}
    options |= without(processor, _GEOMETRY)
    return np.asarray(processor(images=list(images), **options)["pixel_values"], dtype=np.float32)


_VALUES = ("do_rescale", "do_normalize", "include_top", "do_flip_channel_order")
"""Settings of processors that change the values of pixels."""

_GEOMETRY = ("do_resize", "do_center_crop", "do_pad", "do_thumbnail", "do_align_long_axis", "do_crop_margin")
"""Settings of processors that change the size of images."""


def without(processor: "BaseImageProcessor", names: Sequence[str]) -> dict[str, bool]:
    """Return options that switch off those of some settings that a processor has."""
    return {name: False for name in names if hasattr(processor, name)}


def check_processor(processor: "BaseImageProcessor") -> tuple[int, int]:
    """Return the height and width of the images that a processor makes.

    Raises:
        ConfigError: they differ by image, or resizing first and normalising later makes other pixels.
    """
    from PIL import Image

    random = np.random.default_rng(0)
    sizes, name = set(), type(processor).__name__
    try:
        for height, width in ((90, 130), (130, 90)):
            image = Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))
            whole = np.asarray(processor(images=[image], return_tensors="np")["pixel_values"])
            apart = normalized([resized(image, processor)], processor)
            if whole.shape != apart.shape or np.abs(whole - apart).max() > _TOLERANCE:
                raise ConfigError(f"model: its image processor, a {name}, cannot resize first and normalise later.")
            sizes.add(apart.shape[2:])
    except (ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"model: its image processor, a {name}, reads no single image ({reason}).") from error
    if len(sizes) > 1:
        raise ConfigError(
            f"model: its image processor, a {name}, makes images of different sizes. Set a fixed `size` in its "
            "preprocessor_config.json."
        )
    return sizes.pop()


_TOLERANCE = 0.02
"""Maximum difference of normalised values: half a step of a pixel, for processors that resize to fractions."""


def image_length(pixels: np.ndarray) -> int:
    """Return the number of tokens that an image counts as; see `PATCH`.

    Example:
        >>> image_length(np.zeros((3, 224, 224)))
        196
    """
    return max(1, pixels.shape[1] * pixels.shape[2] // PATCH**2)


def processor_settings(processor: "BaseImageProcessor") -> str:
    """Return all settings of a processor, which determine the pixels."""
    return json.dumps([type(processor).__name__, processor.to_dict()], sort_keys=True, default=str)


@dataclass(frozen=True)
class ImageCollator:
    """Collator of rows of `encode_images`."""

    columns: ClassVar[tuple[str, ...]] = (PIXELS,)
    """Columns that it reads although a network does not take them."""

    processor: "BaseImageProcessor"

    @cached_property
    def size(self) -> tuple[int, int]:
        """The height and width of images."""
        return check_processor(self.processor)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            `pixel_values`: float32, shape (batch, channels, height, width); and `labels` if all rows have them: int64,
            shape (batch,), or float32, shape (batch, classes), if rows hold lists.
        """
        if not rows:
            raise ValueError("A batch needs at least one row.")
        images = [np.frombuffer(row[PIXELS], np.uint8).reshape(-1, *self.size) for row in rows]
        return {"pixel_values": torch.from_numpy(normalized(images, self.processor)), **stacked_labels(rows)}
