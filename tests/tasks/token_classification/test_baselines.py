"""The dictionary finds what training had; the majority finds nothing."""

import numpy as np
import pandas as pd

from nlp_transfer import corpus_from
from nlp_transfer.tasks.token_classification.baselines import (
    Dictionary,
    known_mentions,
    marked_entities,
    score_baselines,
)
from nlp_transfer.tasks.token_classification.entities import TaggedText

TEXTS = ["New York and York", "He left York in may", "It may rain, it may not", "May in New York"]
MARKED = [
    [(0, 8, "CITY"), (13, 17, "CITY")],
    [(8, 12, "PERSON"), (16, 19, "MONTH")],
    [],
    [(0, 3, "MONTH"), (7, 15, "CITY")],
]


def test_the_longest_mention_wins_with_its_most_frequent_class():
    found = Dictionary.of(TEXTS, MARKED)
    # york: CITY once and PERSON once, marked in 2 of the 4 places where it stands; may: marked in 2 of 4.
    assert found.classes == {("new", "york"): "CITY", ("york",): "CITY", ("may",): "MONTH"}
    assert list(found.entities("NEW YORK, york. Maybe")) == [(0, 8, "CITY"), (10, 14, "CITY")]


def test_a_mention_that_is_seldom_marked_is_none():
    found = Dictionary.of([*TEXTS, "may may may"], [*MARKED, []])
    assert ("may",) not in found.classes
    assert list(Dictionary.of(["a"], [[]]).entities("a b")) == []


def test_mentions_of_training():
    frame = pd.DataFrame({"text": TEXTS, "spans": [[list(one) for one in of] for of in MARKED]})
    corpus = corpus_from({"train": frame, "validation": frame}, kind="entities")
    assert marked_entities(corpus.splits["train"], corpus.label_names) == MARKED
    assert known_mentions(TEXTS, MARKED) == {"new york", "york", "may"}


def test_baselines_are_scored_beside_the_model():
    frame = pd.DataFrame({"text": TEXTS, "spans": [[list(one) for one in of] for of in MARKED]})
    train = corpus_from({"train": frame, "validation": frame}, kind="entities").splits["train"]
    tokens = [(0, 2), (3, 7), (8, 12)]
    one = TaggedText("a", "To York", tokens[:2], np.eye(7)[[0, 1]] * 20, [(3, 7, "CITY")], [0, 1])
    scores = score_baselines(
        ["majority", "dictionary"], train, {"source": {"test": [one]}}, ["CITY", "MONTH", "PERSON"], frozenset({"york"})
    )
    majority, dictionary = (scores[name]["source"]["test"] for name in ("majority", "dictionary"))
    assert (majority["entity_f1"], majority["tag_accuracy"]) == (0.0, 0.5)
    assert (dictionary["entity_f1"], dictionary["tag_accuracy"]) == (1.0, 1.0)
    assert (dictionary["entity_f1_gain_low"], dictionary["entity_f1_gain_high"]) == (0.0, 0.0)
    assert (majority["entity_f1_gain_low"], majority["entity_f1_gain_high"]) == (1.0, 1.0)
    assert dictionary["unseen_entities"] == 0
