"""The alarm: who votes, what is said, and what the labels say of it."""

import re
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.metrics.negative_transfer import NegativeTransferTest, compare

SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
UNSURE = np.array([[0.5, 0.5], [0.52, 0.48], [0.5, 0.5], [0.48, 0.52]])


def test_a_model_that_became_unsure_is_warned_of() -> None:
    found = compare(UNSURE, SURE, multi_label=False)
    assert found.warns
    assert found.gain == pytest.approx(-1.0, abs=0.01)
    text = found.warning("runs/x/source_only/model")
    assert text.startswith(
        "Adaptation looks worse than training on the source alone: target_infomax 0.0004 against 0.36"
    )
    assert "the source-only one is runs/x/source_only/model." in text
    better = compare(SURE, UNSURE, multi_label=False)
    assert not better.warns
    assert better.facts()["preferred without labels"] == (
        "the model that adapted, which proves little: adapting makes a model surer"
    )


def test_a_model_that_calls_everything_one_class_is_warned_of_however_sure_it_is() -> None:
    collapsed = np.array([[0.99, 0.01]] * 4)
    found = compare(collapsed, SURE, multi_label=False)
    assert found.scores["target_entropy"][0] < found.scores["target_entropy"][1]
    assert found.warns
    assert not compare(SURE, collapsed, multi_label=False).warns


def test_what_is_the_same_but_for_rounding_is_no_reason_to_warn() -> None:
    for apart in (0.0, 1e-4, -1e-4):
        found = compare(SURE + np.array([[apart, -apart]]), SURE, multi_label=False)
        assert not found.warns
        assert found.facts()["preferred without labels"] == "neither"


def test_of_two_models_that_call_everything_one_class_neither_is_preferred() -> None:
    for scores in ((0.0002, 0.0001), (0.0001, 0.004)):
        found = NegativeTransferTest({"target_infomax": scores})
        assert not found.warns
        assert found.facts()["preferred without labels"] == "neither"


def judged(adapted_right: int, alone_right: int, *, warns: bool = True) -> dict[str, str]:
    """The facts of 100 texts of two classes, of which the models have so many right, the easiest first."""
    labels = np.arange(100) % 2
    ours, theirs = (np.where(np.arange(100) < right, labels, 1 - labels) for right in (adapted_right, alone_right))
    sides = (UNSURE, SURE) if warns else (SURE, SURE)
    return compare(*sides, multi_label=False, predicted=(ours, theirs), labels=labels).facts()


def test_labels_say_which_was_right() -> None:
    facts = judged(80, 70)
    assert facts["target_entropy"] == "0.6927 adapted, 0.3251 source-only"
    assert facts["preferred without labels"] == "source-only (a warning was given)"
    # Ten rows of 100 decide: their number in a resample has a standard deviation of 3.
    found = re.fullmatch(
        r"the model that adapted \(macro-F1 0.800 adapted, 0.700 source-only; difference \+0.100, 95 % over rows "
        r"\+(0.0\d+) to \+(0.1\d+)\)",
        facts["preferred by the labels"],
    )
    assert found is not None
    assert [float(end) for end in found.groups()] == pytest.approx([0.04, 0.16], abs=0.015)
    assert facts["the warning"] == "wrong, by the labels"
    worse = judged(70, 80)
    assert worse["preferred by the labels"].startswith("source-only (macro-F1 0.700 adapted, 0.800 source-only")
    assert worse["the warning"] == "right, by the labels"
    assert "the warning" not in judged(70, 80, warns=False)


def test_one_text_of_a_hundred_is_no_verdict() -> None:
    for adapted, alone in ((80, 79), (79, 80), (80, 80)):
        facts = judged(adapted, alone)
        assert facts["preferred by the labels"].startswith("neither for sure (macro-F1 0.")
        assert facts["the warning"] == "neither right nor wrong for sure, by the labels"


def test_two_texts_have_no_neighbours_and_are_judged_without(tmp_path: Path) -> None:
    assert set(compare(SURE[:2], UNSURE[:2], multi_label=True).scores) == {"target_entropy", "target_infomax"}
