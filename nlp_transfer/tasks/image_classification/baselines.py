"""Baselines of images: the majority class, chance, and a linear SVM on small grey pixels."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nlp_transfer.data.validation.images import Held, content_of, open_image
from nlp_transfer.tasks.classification.baselines import (
    Baseline,
    Predictor,
    chance,
    checked_labels,
    linear_svm,
    majority,
)

SIDE = 32
"""Height and width of the grey images of `pixel_svm`."""


def pixel_svm(images: Sequence[Held], labels: np.ndarray) -> Predictor:
    """Fit a linear SVM, one class against the rest, on grey images of 32 x 32 pixels, centred."""
    labels = checked_labels(images, labels)
    if labels.ndim == 1 and len(np.unique(labels)) == 1:
        return majority(images, labels)
    features = grey_pixels(images)
    mean = features.mean(axis=0)
    model = linear_svm(features - mean, labels)
    return lambda unseen: np.asarray(model.predict(grey_pixels(unseen) - mean))


def grey_pixels(images: Sequence[Held]) -> np.ndarray:
    """Return small grey images from 0 to 1, shape (images, 1024)."""

    def pixels(image: Held) -> np.ndarray:
        small = open_image(content_of(image)).convert("L").resize((SIDE, SIDE))
        return np.asarray(small, dtype=np.float64).ravel() / 255

    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(pixels, images)))


BASELINES: Mapping[str, Baseline] = {"majority": majority, "pixel_svm": pixel_svm, "chance": chance}
"""The baselines by name. One line a baseline."""
