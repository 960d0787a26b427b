"""Metrics of entities, by hand and by nervaluate."""

import numpy as np
import pytest
from nervaluate import Evaluator

from nlp_transfer.metrics.entities import errors_by_kind, folded, match_counts
from nlp_transfer.metrics.metric import EntityRows
from nlp_transfer.metrics.probability_scores import without_promises
from nlp_transfer.metrics.row_scores import CountScores, gain_interval
from nlp_transfer.metrics.table import METRICS, compute_scores

TEXTS = ["aspirin and ibuprofen help", "take zoxa daily", "nothing"]
TRUE = [[(0, 7, "DRUG"), (12, 21, "DRUG")], [(5, 9, "DRUG"), (10, 15, "TIME")], []]
MADE = [[(0, 7, "DRUG"), (8, 21, "DRUG")], [(5, 9, "TIME")], [(0, 7, "DRUG")]]
NAMES = ["DRUG", "TIME"]


def made(**fields):
    return EntityRows(**{"texts": TEXTS, "predictions": MADE, "references": TRUE, "label_names": NAMES, **fields})


def test_strict_scores_by_hand():
    scores = compute_scores(made())
    assert (scores["rows"], scores["entities"]) == (3, 4)
    assert scores["entity_precision"] == pytest.approx(1 / 4)  # only aspirin, of four
    assert scores["entity_recall"] == pytest.approx(1 / 4)
    assert scores["entity_f1"] == pytest.approx(1 / 4)
    drug = {"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3, "support": 3, "predicted": 3}
    assert scores["per_class"]["DRUG"] == pytest.approx(drug)
    assert scores["per_class"]["TIME"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1, "predicted": 1}
    assert scores["entity_macro_f1"] == pytest.approx((1 / 3 + 0) / 2)
    assert "entity_f1_low" not in scores
    assert "unseen_f1" not in scores
    assert {name for name in METRICS if METRICS[name].rows is EntityRows} >= {"entity_f1", "partial_f1", "unseen_f1"}


def test_partial_and_type_scores_by_hand():
    scores = compute_scores(made())
    # Partial: aspirin 1, ibuprofen 1/2, zoxa 1 (its class does not count), daily missed; nothing is spurious.
    assert scores["partial_f1"] == pytest.approx(2 * 2.5 / (4 + 4))
    # Class: aspirin and ibuprofen; zoxa has another one, daily is missed.
    assert scores["type_f1"] == pytest.approx(2 * 2 / (4 + 4))


def test_nervaluate_gives_the_same_of_whole_texts():
    rng = np.random.default_rng(0)
    sides = []
    for _ in range(2):
        side = []
        for _ in range(40):
            edges = sorted(rng.choice(60, size=2 * rng.integers(1, 8), replace=False).tolist())
            spans = zip(edges[::2], edges[1::2], strict=True)
            side.append([(start, end, NAMES[int(rng.integers(2))]) for start, end in spans])
        sides.append(side)
    scores = compute_scores(EntityRows(["x" * 60] * 40, sides[0], sides[1], NAMES))
    written = [[[{"label": n, "start": a, "end": b - 1} for a, b, n in of] for of in side] for side in sides]
    theirs = Evaluator(written[1], written[0], tags=NAMES, loader="dict").evaluate()["overall"]
    for ours, name in (("entity_f1", "strict"), ("partial_f1", "partial"), ("type_f1", "ent_type")):
        found = theirs[name]
        expected = 2 * (found.correct + found.partial / 2) / (found.actual + found.possible)
        assert scores[ours] == pytest.approx(expected), name


def test_mentions_that_training_had_are_left_out_of_unseen_scores():
    scores = compute_scores(made(known=frozenset({"aspirin", "zoxa"})))
    # Unseen: ibuprofen and daily; predicted are "and ibuprofen" and "nothing".
    assert (scores["unseen_entities"], scores["unseen_f1"]) == (2, 0.0)
    scores = compute_scores(made(known=frozenset({"ibuprofen", "zoxa", "daily", "nothing", "and ibuprofen"})))
    assert (scores["unseen_entities"], scores["unseen_f1"]) == (1, 1.0)
    scores = compute_scores(made(references=[[], [], []], known=frozenset()))
    assert scores["unseen_f1"] is None
    assert folded(" Zoxa\nFORTE ") == "zoxa forte"


def test_intervals_resample_texts():
    scores = compute_scores(made(interval=True, tags_right=(3, 4)))
    assert scores["tag_accuracy"] == 0.75
    assert 0 <= scores["entity_f1_low"] <= 1 / 4 <= scores["entity_f1_high"] <= 1
    perfect = made(predictions=TRUE)
    counts = match_counts(perfect)
    nothing = match_counts(made(predictions=[[], [], []]))
    assert gain_interval(CountScores(np.stack([counts, counts]))) == (0.0, 0.0)
    # A resample of the third text alone has nothing to find.
    assert gain_interval(CountScores(np.stack([counts, nothing]))) == (0.0, 1.0)


def test_kinds_of_errors():
    assert match_counts(made()).tolist() == [[1, 2, 2], [0, 1, 2], [0, 1, 0]]
    assert errors_by_kind(made()) == {
        "DRUG": {"right": 1, "border": 1, "class": 1, "missed": 0, "spurious": 1},
        "TIME": {"right": 0, "border": 0, "class": 0, "missed": 1, "spurious": 0},
    }


def test_probabilities_are_judged_by_what_came_true():
    chances = [[0.9, 0.5], [0.3], [0.1]]  # right, wrong, wrong, wrong
    scores = compute_scores(made(probabilities=chances, accept_from=0.5))
    assert scores["entity_ece"] == pytest.approx(abs(1 - 0.9 - 0.5 - 0.3 - 0.1) / 4)  # one bin
    assert (scores["entities_accepted"], scores["accepted_entity_precision"]) == (0.5, 0.5)
    scores = compute_scores(made(probabilities=chances, accept_from=2.0))
    assert (scores["entities_accepted"], scores["accepted_entity_precision"]) == (0.0, None)
    assert compute_scores(made(predictions=[[], [], []], probabilities=[[], [], []]))["entity_ece"] is None
    assert "entity_ece" not in compute_scores(made())
    kept = without_promises({"entity_ece": 0.1, "entities_accepted": 0.5, "accepted_entity_precision": 0.5})
    assert kept == {"entity_ece": 0.1}


def test_no_entities_at_all():
    scores = compute_scores(made(predictions=[[], [], []], references=[[], [], []], interval=True))
    assert (scores["entity_f1"], scores["entity_f1_low"], scores["partial_f1"]) == (0.0, 0.0, 0.0)
