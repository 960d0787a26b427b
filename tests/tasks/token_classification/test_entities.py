"""Windows are put together to texts, and tags to entities."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.tasks.token_classification.entities import (
    EntityPrediction,
    FoundEntity,
    TaggedText,
    entity_rows,
    tagged_texts,
    text_row,
    token_loss,
    with_references,
)

SURE = 20.0


def logits_of(tags, classes=1):
    return np.eye(2 * classes + 1)[tags] * SURE


def text(tags, **fields):
    words = [(0, 3), (4, 8), (9, 12), (13, 16)]
    return TaggedText("a", "new york is big", words[: len(tags)], logits_of(tags), **fields)


def test_entities_have_characters_class_text_and_probability():
    (found,) = text([1, 2, 0]).found(["CITY"])
    assert found.row() == {"start": 0, "end": 8, "label": "CITY", "text": "new york", "probability": 1.0}
    assert text([1, 2, 0]).entities(["CITY"]) == [(0, 8, "CITY")]
    assert text([0, 0]).found(["CITY"]) == []
    assert TaggedText("a", "", [], np.zeros((0, 3))).found(["CITY"]) == []
    assert EntityPrediction("a", [found]).row() == {"id": "a", "entities": [found.row()]}


def test_entities_that_are_not_sure_enough_abstain():
    unsure = TaggedText("a", "new york", [(0, 3), (4, 8)], np.log([[0.4, 0.6, 1e-9], [0.2, 0.8, 1e-9]]))
    found = unsure.found(["CITY"], accept_from=0.7)
    assert [(one.text, one.decision) for one in found] == [("new", "abstain"), ("york", "predict")]
    assert found[0].probability == pytest.approx(0.6, abs=1e-6)


def test_windows_in_any_order_make_their_texts():
    columns = {
        "id": ["b", "a#2", "a"],
        "document": [1, 0, 0],
        "text": ["yes", "", "new york is"],
        "starts": [[0, 0, 0], [0, 4, 9, 0], [0, 0, 4, 0]],
        "ends": [[0, 3, 0], [0, 8, 12, 0], [0, 3, 8, 0]],
        "counts_from": [1, 2, 1],
        "counts_to": [2, 3, 3],
        "labels": [[-100, 0, -100], [-100, -100, 0, -100], [-100, 1, 2, -100]],
        "classes": [[], [], [0]],
        "span_starts": [[], [], [0]],
        "span_ends": [[], [], [8]],
        "inexact": [0, 0, 0],
    }
    logits = np.full((3, 4, 3), -SURE)
    logits[:, :, 0] = 0.0
    logits[2, 1, 1] = logits[2, 2, 2] = SURE
    made = tagged_texts(logits, Dataset.from_dict(columns), ["CITY"])
    assert [(one.id, one.text, one.tags) for one in made] == [("a", "new york is", [1, 2, 0]), ("b", "yes", [0])]
    assert made[0].characters == [(0, 3), (4, 8), (9, 12)]
    assert made[0].entities(["CITY"]) == made[0].references == [(0, 8, "CITY")]
    plain = Dataset.from_dict({name: columns[name] for name in list(columns)[:7]})
    assert [one.references for one in tagged_texts(logits, plain, ["CITY"])] == [None, None]


def test_scores_of_tokens_follow_from_the_entities():
    texts = [with_references(text([1, 2, 0]), [(4, 8, "CITY")], ["CITY"])]
    assert texts[0].tags == [0, 1, 0]
    scores = compute_scores(entity_rows(texts, [[(0, 8, "CITY")]], ["CITY"]))
    assert scores["tag_accuracy"] == pytest.approx(1 / 3)  # B for O, I for B, O
    assert scores["entity_f1"] == 0.0
    assert scores["partial_f1"] == 0.5


def test_the_loss_is_the_mean_over_tokens():
    one = TaggedText("a", "a b", [(0, 1), (2, 3)], np.zeros((2, 3)), [], [0, 0])
    other = TaggedText("b", "a", [(0, 1)], np.log([[0.5, 0.25, 0.25]]), [], [1])
    assert token_loss([one, other]) == pytest.approx((2 * np.log(3) + np.log(4)) / 3)
    assert token_loss([]) == 0.0


def test_a_line_of_predictions():
    one = text([1, 2, 0], references=[(0, 3, "CITY")])
    line = text_row(one, [FoundEntity(0, 8, "CITY", "new york", 0.123456789)])
    assert line == {
        "id": "a",
        "entities": [{"start": 0, "end": 8, "label": "CITY", "text": "new york", "probability": 0.123457}],
        "references": [{"start": 0, "end": 3, "label": "CITY", "text": "new"}],
    }
    assert text_row(text([0]), [])["references"] is None
