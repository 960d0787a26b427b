"""The alarm: who votes, what is said, and what the labels say of it."""

from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.metrics.negative_transfer import (
    ADAPTED,
    SOURCE_ONLY,
    Agreement,
    NegativeTransferTest,
    closed_share,
    compare,
)

SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
UNSURE = np.array([[0.5, 0.5], [0.52, 0.48], [0.5, 0.5], [0.48, 0.52]])


def test_the_share_of_the_gap_by_hand() -> None:
    assert closed_share(0.875, source_only=0.75, ceiling=1.0) == 0.5
    assert closed_share(0.5, source_only=0.75, ceiling=1.0) == -1.0
    assert closed_share(0.8, source_only=0.75, ceiling=0.75) is None


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
    assert better.gain > 0


@pytest.mark.parametrize(
    ("adapted", "votes", "preferred"),
    [
        (0.4, (3, 7), SOURCE_ONLY),
        (0.4, (5, 5), None),
        (0.4, (7, 3), None),  # InfoMax and the third model contradict each other
        (0.6, (7, 3), ADAPTED),
        (0.6, (3, 7), None),
        (0.501, (0, 10), None),  # InfoMax is the same
    ],
)
def test_a_third_model_has_to_agree(adapted: float, votes: tuple[int, int], preferred: str | None) -> None:
    found = NegativeTransferTest({"target_infomax": (adapted, 0.5)}, Agreement(12, *votes))
    assert found.preferred == preferred
    assert found.warns == (preferred == SOURCE_ONLY)


def test_the_third_model_is_counted_where_the_two_differ() -> None:
    third = np.array([1, 1, 0, 1])
    found = compare(SURE[:, ::-1], UNSURE, multi_label=False, third=third)
    # The adapted model predicts 1, 0, 1, 0 and the source-only one 0, 0, 0, 1.
    assert found.agreement == Agreement(changed=3, adapted=1, source_only=2)
    several = compare(SURE, UNSURE, multi_label=True, third=np.ones((4, 2), dtype=np.int64))
    assert several.agreement == Agreement(changed=4, adapted=1, source_only=3)
    text = compare(UNSURE, SURE, multi_label=False, third=np.array([0, 1, 0, 1])).warning("m")
    assert (
        "and a third model agrees with the model that adapted on 0 and with the source-only one on 1 of the 1 " in text
    )
    assert "Of such warnings on review domains eight of ten were right" in text
    assert "domains seven of ten" in compare(UNSURE, SURE, multi_label=False).warning("m")


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
        assert found.gain == 0


def test_of_two_models_that_call_everything_one_class_neither_is_preferred() -> None:
    for scores in ((0.0002, 0.0001), (0.0001, 0.004)):
        found = NegativeTransferTest({"target_infomax": scores})
        assert not found.warns
        assert found.gain == 0


def test_two_texts_have_no_neighbours_and_are_judged_without(tmp_path: Path) -> None:
    assert set(compare(SURE[:2], UNSURE[:2], multi_label=True).scores) == {"target_entropy", "target_infomax"}
