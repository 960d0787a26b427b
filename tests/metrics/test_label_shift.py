"""Label shift on data whose frequencies are known."""

import numpy as np
import pytest
from scipy.special import softmax

from nlp_transfer.metrics.label_shift import (
    LabelShift,
    above_chance,
    bias_corrected_temperature,
    estimate_label_shift,
    expectation_maximisation,
    frequencies,
    vanishing_classes,
)

MEANS = np.array([[2.0, 0.0], [0.0, 2.0], [-1.5, -1.5]])


def drawn(prior: list[float], rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a classifier that is right about classes of equal frequency, and labels drawn with `prior`."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=rows, p=prior)
    points = MEANS[labels] + rng.normal(size=(rows, 2))
    return points @ MEANS.T - (MEANS**2).sum(1) / 2, labels


def test_two_steps_of_expectation_and_maximisation_by_hand() -> None:
    probabilities, source = np.array([[0.8, 0.2], [0.6, 0.4]]), np.array([0.5, 0.5])
    # First step: the mean, (0.7, 0.3). Second: rows ∝ (0.8·1.4, 0.2·0.6) and (0.6·1.4, 0.4·0.6).
    first = 0.8 * 1.4 / (0.8 * 1.4 + 0.2 * 0.6)
    second = 0.6 * 1.4 / (0.6 * 1.4 + 0.4 * 0.6)
    weights = np.array([1.0, 1.0])
    assert expectation_maximisation(probabilities, source, weights, steps=2)[0] == pytest.approx((first + second) / 2)
    # A row that counts thrice: the first step's mean is (0.75, 0.25).
    weighted = expectation_maximisation(probabilities, source, np.array([3.0, 1.0]), steps=1)
    assert weighted == pytest.approx([0.75, 0.25])


def test_calibration_finds_the_scale_and_bias_that_were_taken_away() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3)) * 2
    true = softmax(logits / 2.5 + np.array([0.5, -0.5, 0.0]), axis=1)
    labels = (true.cumsum(1) > rng.random((len(true), 1))).argmax(1)
    temperature, biases = bias_corrected_temperature(logits, labels)
    assert temperature == pytest.approx(2.5, rel=0.05)
    assert biases - biases.mean() == pytest.approx([0.5, -0.5, 0.0], abs=0.06)


def test_the_targets_frequencies_are_found_though_the_model_is_too_sure() -> None:
    validation, labels = drawn([0.5, 0.3, 0.2], 4000, seed=1)
    target, truth = drawn([0.1, 0.2, 0.7], 4000, seed=2)
    found = estimate_label_shift(3 * validation, labels, 3 * target)
    assert found.temperature == pytest.approx(3.0, rel=0.1)
    assert found.source == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert found.target == pytest.approx([0.1, 0.2, 0.7], abs=0.03)
    plain = (target.argmax(1) == truth).mean()
    corrected = ((3 * target / found.temperature + found.corrections()).argmax(1) == truth).mean()
    assert corrected > plain + 0.01


def test_the_interval_holds_the_truth_and_narrows_with_the_rows() -> None:
    validation, labels = drawn([0.5, 0.3, 0.2], 4000, seed=1)
    widths = []
    for rows in (100, 400, 1600):
        found = estimate_label_shift(validation, labels, drawn([0.2, 0.2, 0.6], rows, seed=rows)[0])
        low, high = found.interval.T
        assert (low <= found.target).all()
        assert (found.target <= high).all()
        assert (low - 0.02 <= [0.2, 0.2, 0.6]).all()
        assert (high + 0.02 >= [0.2, 0.2, 0.6]).all()
        widths.append((high - low).mean())
    # About by 1 / sqrt(rows), as long as these are the smaller side.
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.35)
    assert widths[1] / widths[2] == pytest.approx(2.0, rel=0.35)


def test_few_validation_rows_make_the_interval_wide() -> None:
    target, _ = drawn([0.2, 0.2, 0.6], 2000, seed=3)
    widths = [
        (found.interval[:, 1] - found.interval[:, 0]).mean()
        for rows in (40, 2000)
        for found in [estimate_label_shift(*drawn([0.5, 0.3, 0.2], rows, seed=4), target)]
    ]
    assert widths[0] > 2 * widths[1]


def test_rows_that_are_all_right_get_a_scale_that_ends() -> None:
    logits = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    temperature, _ = bias_corrected_temperature(logits, logits.argmax(1))
    assert np.exp(-5.0) <= temperature < 0.2
    found = estimate_label_shift(logits, logits.argmax(1), logits[:3])
    assert found.target == pytest.approx([2 / 3, 1 / 3], abs=1e-3)
    assert np.isfinite(found.interval).all()


def test_where_nothing_shifted_nothing_is_found() -> None:
    validation, labels = drawn([0.5, 0.3, 0.2], 4000, seed=1)
    target, _ = drawn([0.5, 0.3, 0.2], 4000, seed=5)
    found = estimate_label_shift(validation, labels, target)
    assert found.target == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_a_class_without_validation_rows_keeps_its_share_and_the_others_share_the_rest_by_hand() -> None:
    target = np.array([[0.6, 0.2, 0.2], [0.2, 0.7, 0.1]])
    validation, known = np.array([[0.6, 0.3, 0.1]]), np.array([True, True, False])
    source, found = frequencies(np.log(validation), np.log(target), known, steps=1)
    assert source == pytest.approx([2 / 3, 1 / 3, 0.0])
    # Among the known (0.75, 0.25) and (2/9, 7/9), which count 0.8 and 0.9: 0.8 · 0.75 + 0.9 · 2/9 = 0.8 of 1.7.
    assert found == pytest.approx([0.85 * 0.8 / 1.7, 0.85 * 0.9 / 1.7, 0.15])


def test_texts_that_are_surely_of_a_class_without_validation_rows() -> None:
    known, target = np.array([True, True, False]), np.array([[0.0, 0.0, 2000.0]] * 3)
    _, found = frequencies(np.eye(3)[:2], target, known)
    assert found == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_class_without_validation_rows_is_left_as_the_model_says(seed: int) -> None:
    validation, labels = drawn([0.6, 0.4, 0.0], 1000, seed=seed)
    target, truth = drawn([0.2, 0.75, 0.05], 2000, seed=10 + seed)
    found = estimate_label_shift(validation, labels, target)
    assert found.known.tolist() == [True, True, False]
    calibrated = softmax(target / found.temperature + found.biases, axis=1)
    assert (found.source[2], found.corrections()[2]) == (0.0, 0.0)
    assert found.target[2] == pytest.approx(calibrated[:, 2].mean())
    assert found.target[0] / found.target[:2].sum() == pytest.approx(0.2 / 0.95, abs=0.03)
    corrected = target / found.temperature + found.corrections()
    assert (corrected.argmax(1) == truth).mean() > (target.argmax(1) == truth).mean()


def test_validation_of_one_class_leaves_all_as_it_is_and_an_empty_side_is_refused() -> None:
    validation, labels = drawn([1.0, 0.0, 0.0], 500, seed=1)
    target = drawn([0.5, 0.3, 0.2], 200, seed=3)[0]
    found = estimate_label_shift(validation, labels, target)
    assert (found.temperature, found.corrections().tolist()) == (1.0, [0.0, 0.0, 0.0])
    assert found.target == pytest.approx(softmax(target, axis=1).mean(axis=0))
    with pytest.raises(ValueError, match="from 500 validation and 0 target rows; both sides need some"):
        estimate_label_shift(validation, labels, validation[:0])


def test_what_cannot_be_estimated_from_is_refused_and_a_model_at_chance_is_marked() -> None:
    (validation, labels), target = drawn([0.5, 0.3, 0.2], 60, seed=1), drawn([0.2, 0.3, 0.5], 40, seed=2)[0]
    assert estimate_label_shift(validation, labels, target).above_chance
    assert not estimate_label_shift(validation, np.roll(np.sort(labels), 7)[::-1], target).above_chance
    for given, problem in (
        ((validation, None, target), "validation_labels is None: predictions of rows that have no labels"),
        (
            (validation, labels[:5], target),
            r"labels of the shape \(5,\); expected .* one class id a validation row",
        ),
        (
            (validation, labels, target[:, :2]),
            r"shapes \(60, 3\) \(validation\) and \(40, 2\) \(target\).*; expected \(rows, classes\)",
        ),
        ((validation, labels + 2, target), r"has the class ids 3, 4; expected 0 to 2"),
        ((validation, labels, np.where(target > 3, np.nan, target)), "Some logits are not finite: the model is broken"),
    ):
        with pytest.raises(ValueError, match=problem):
            estimate_label_shift(*given)


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ([0] * 10, False),  # everything one class
        ([0, 0, 0, 1, 1, 0, 0, 1, 1, 1], False),  # recalls 0.6 and 0.6, each give or take 0.22: 0.1 is no 2 x 0.155
        ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], True),  # recalls 1 and 0.8: 0.4 is more than 2 x 0.089
    ],
)
def test_a_model_tells_classes_apart_beyond_chance(predicted, expected):
    assert above_chance(np.eye(2)[predicted], np.array([0] * 5 + [1] * 5)) is expected


def test_a_class_that_a_correction_would_take_away() -> None:
    def shift(target: list[float]) -> LabelShift:
        return LabelShift(
            1.0, np.zeros(2), np.array([0.5, 0.5]), np.array(target), np.zeros((2, 2)), np.array([True] * 2), True
        )

    # Logits apart by 2, 1 and -3; the log of the ratio of frequencies adds log(0.9 / 0.1) = 2.2 to the second.
    logits, names = np.array([[2.0, 0.0], [1.0, 0.0], [-3.0, 0.0]]), ["negative", "positive"]
    assert vanishing_classes(logits, shift([0.5, 0.5]), names) is None
    assert vanishing_classes(logits, shift([0.2, 0.8]), names) is None  # adds 1.4
    assert vanishing_classes(logits, shift([0.1, 0.9]), names) == (
        "with the estimated frequencies no target text would be called negative (now 2 of 3 are)"
    )
    assert vanishing_classes(logits[2:], shift([0.1, 0.9]), names) is None  # it was not said before
