"""The alarm: who votes, what is said, and what the labels say of it."""

from pathlib import Path

import numpy as np

from nlp_transfer.reporting.negative_transfer import Comparison, compare, read_probabilities
from nlp_transfer.reporting.predictions import write_predictions

SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
UNSURE = np.array([[0.5, 0.5], [0.52, 0.48], [0.5, 0.5], [0.48, 0.52]])


def test_a_model_that_became_unsure_is_warned_of() -> None:
    found = compare(UNSURE, SURE, multi_label=False)
    assert found.against == ["target_entropy", "target_infomax"]  # rows that are all alike have many neighbours
    assert found.warns
    text = found.warning("runs/x/source_only")
    assert text.startswith(
        "Adaptation looks worse than training on the source alone: target_entropy 0.693 against 0.325"
    )
    assert "the source-only one is runs/x/source_only/model." in text
    better = compare(SURE, UNSURE, multi_label=False)
    assert better.against == ["target_density"]
    assert not better.warns
    assert better.facts()["they prefer"] == "the model that adapted"


def test_the_same_model_twice_is_no_reason_to_warn() -> None:
    assert not compare(SURE, SURE, multi_label=False).warns


def test_labels_say_which_was_right() -> None:
    found = compare(UNSURE, SURE, multi_label=False, metrics=({"macro_f1": 0.8}, {"macro_f1": 0.7}))
    assert found.facts() == {
        "scores without labels, adapted and source-only": (
            "target_entropy 0.693 and 0.325; target_infomax 0.000 and 0.368; "
            f"target_density {found.scores['target_density'][0]:.3f} and {found.scores['target_density'][1]:.3f}"
        ),
        "they prefer": "source-only: a warning was given",
        "the labels prefer": "the model that adapted: macro-F1 0.800 and 0.700",
    }
    assert Comparison({}, (0.5, 0.5)).facts()["the labels prefer"].startswith("neither")
    assert Comparison({}, (0.5, 0.6)).facts()["the labels prefer"].startswith("source-only")


def test_two_texts_have_no_neighbours_and_are_judged_without(tmp_path: Path) -> None:
    assert set(compare(SURE[:2], UNSURE[:2], multi_label=True).scores) == {"target_entropy", "target_infomax"}


def test_probabilities_are_read_back_by_domain(tmp_path: Path) -> None:
    def row(number: int, domain: str, p: float) -> dict[str, object]:
        return {
            "id": str(number),
            "split": "test",
            "domain": domain,
            "predicted": "a",
            "probabilities": {"a": p, "b": 1 - p},
        }

    write_predictions(tmp_path / "p.jsonl.gz", [row(0, "source", 0.1), row(1, "target", 0.25), row(2, "target", 0.75)])
    found = read_probabilities(tmp_path / "p.jsonl.gz", "target")
    assert found.tolist() == [[0.25, 0.75], [0.75, 0.25]]
