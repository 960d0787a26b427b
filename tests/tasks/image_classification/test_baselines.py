"""The baselines of images."""

import numpy as np

from nlp_transfer.tasks.image_classification.baselines import BASELINES, grey_pixels, pixel_svm
from tests.tiny_images import images


def held(count, seed=0):
    rows = images(count, seed=seed)
    return [row["image"] for row in rows], np.array([row["label"] == "light" for row in rows]).astype(int)


def test_pixels_are_small_grey_and_between_0_and_1():
    pixels = grey_pixels(held(4)[0])
    assert pixels.shape == (4, 1024)
    assert (pixels[0] < 0.5).all()  # dark
    assert (pixels[1] > 0.5).all()
    assert pixels.max() <= 1


def test_a_linear_svm_tells_dark_from_light():
    train, labels = held(12)
    unseen, truth = held(10, seed=1)
    assert pixel_svm(train, labels)(unseen).tolist() == truth.tolist()
    several = pixel_svm(train, np.stack([labels, 1 - labels], axis=1))(unseen)
    assert several.tolist() == np.stack([truth, 1 - truth], axis=1).tolist()


def test_one_class_is_the_majority():
    train, labels = held(4)
    assert pixel_svm(train, np.zeros_like(labels))(train).tolist() == [0] * 4
    assert list(BASELINES) == ["majority", "pixel_svm", "chance"]
