"""Classify images, in bounded memory and in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nlp_transfer.data.encoding.images import PIXELS, ImageCollator, image_length, read_pixels
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.data.sources.license_pages import draw_page
from nlp_transfer.data.validation.images import ADVICE, Held
from nlp_transfer.data.validation.row_kinds import IMAGES
from nlp_transfer.errors import DataError
from nlp_transfer.models.image_processor_loading import read_image_processor
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.classification.baselines import label_array
from nlp_transfer.tasks.classification.evaluation import evaluated
from nlp_transfer.tasks.classification.predictor import ClassificationPredictor
from nlp_transfer.tasks.image_classification import NAME
from nlp_transfer.tasks.predictor import Evaluated, NoPrediction
from nlp_transfer.tasks.saved_folder import SavedModel

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

_IMAGES_AT_ONCE = 256  # whose pixels are in memory together


@dataclass(frozen=True)
class ImagePredictor(ClassificationPredictor):
    """A trained classifier of images; its `tokenizer` is the processor of images."""

    task: ClassVar[str] = NAME
    kind: ClassVar[str] = IMAGES

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load the network and the processor."""
        from transformers import AutoModelForImageClassification

        noun = "classifier of images"
        loaded, names = saved.load_with_names(AutoModelForImageClassification, noun, read_image_processor)
        with saved.record_errors():
            own = cls.read_record(saved.record, names, loaded.config)
        return cls(loaded.model, loaded.tokenizer, max_length=0, origin=str(saved.folder), **own)

    def predict_window(
        self, window: Sequence[tuple[Any, Held]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[Any]:
        """Yield the prediction of each image, a `NoPrediction` for one that cannot be read any more."""
        for some in _parts(window):
            pixels, problems = read_pixels([image for _, image in some], self.tokenizer)
            good = [row_id for place, (row_id, _) in enumerate(some) if place not in problems]
            made = self.described(good, self.pixel_logits(pixels, max_tokens)) if good else iter(())
            for place, (row_id, _) in enumerate(some):
                yield NoPrediction(row_id, problems[place]) if place in problems else next(made)

    def pixel_logits(self, pixels: Sequence[np.ndarray], max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of resized images, float32, (images, classes); raise CheckpointError if not finite."""
        collate = ImageCollator(self.tokenizer)
        logits = np.zeros((len(pixels), len(self.output_names)), dtype=np.float32)
        size = max(1, self.batch_tokens(max_tokens) // image_length(pixels[0]))
        with batch_logits(self.model, rows=1) as logits_of:
            for start in range(0, len(pixels), size):
                batch = collate([{PIXELS: one.tobytes()} for one in pixels[start : start + size]])
                logits[start : start + size] = logits_of(batch)
        check_finite(logits, self.origin)
        return logits

    def text_logits(self, texts: Sequence[Any], *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of images as they are held; raise DataError for one that cannot be read."""
        parts = []
        for some in _parts(texts):
            pixels, problems = read_pixels(some, self.tokenizer)
            for place, reason in problems.items():
                raise DataError(f"image {some[place]['path'] or place} {reason}. {ADVICE}")
            parts.append(self.pixel_logits(pixels, max_tokens))
        return np.concatenate(parts)

    def row_logits(self, rows: "Dataset") -> np.ndarray:
        """Return the logits of encoded rows; float32, shape (rows, classes)."""
        shape = (-1, *ImageCollator(self.tokenizer).size)
        parts = [
            self.pixel_logits([np.frombuffer(one, np.uint8).reshape(shape) for one in batch[PIXELS]])
            for batch in rows.select_columns([PIXELS]).iter(_IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts)

    @staticmethod
    def row_of(text: str) -> Held:
        """Return the image of a page with a text."""
        return {"bytes": draw_page(text), "path": None}

    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """Return a batch of two images."""
        pixels, _ = read_pixels([self.row_of(text) for text in texts[:2]], self.tokenizer)
        return ImageCollator(self.tokenizer)([{PIXELS: one.tobytes()} for one in pixels])

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split."""
        logits = self.text_logits(row_inputs(dataset), max_tokens=max_tokens)
        references = label_array(dataset, len(self.label_names), multi_label=self.multi_label)
        return evaluated(self.decision, Predictions(list(dataset["id"]), logits, references, {}), "scored images")


def _parts(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield consecutive rows whose pixels fit into memory together."""
    left = iter(rows)
    while some := list(islice(left, _IMAGES_AT_ONCE)):
        yield some
