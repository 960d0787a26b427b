"""The pipeline finds the entities that the predictor finds."""

import pytest
from transformers import TokenClassificationPipeline, pipeline

from nlp_transfer import load
from nlp_transfer.tasks.token_classification.pipeline import EntityPipeline
from tests.tasks.token_classification.test_predictor import folder  # noqa: F401  # a fixture
from tests.tiny_entities import entities


def test_grouped_entities_are_those_of_the_predictor(folder):  # noqa: F811
    texts = [row["text"] for row in entities(6, length=9)]
    find = pipeline(
        "token-classification", model=str(folder), pipeline_class=EntityPipeline, aggregation_strategy="simple"
    )
    expected = load(folder).predict(texts)
    made = find(texts, batch_size=2)
    assert any(made)
    for ours, theirs in zip(made, expected, strict=True):
        assert [(one["start"], one["end"], one["entity_group"], one["word"]) for one in ours] == [
            (one.start, one.end, one.label, one.text) for one in theirs.entities
        ]
        assert [one["score"] for one in ours] == pytest.approx([one.probability for one in theirs.entities], abs=1e-5)
    assert find([" ", texts[0]])[0] == find("") == []
    assert [one["word"] for one in find(texts[0])] == [one["word"] for one in made[0]]


def test_single_tokens_are_those_of_transformers(folder):  # noqa: F811
    text = entities(1)[0]["text"]
    ours = pipeline("token-classification", model=str(folder), pipeline_class=EntityPipeline)
    theirs = pipeline("token-classification", model=str(folder), pipeline_class=TokenClassificationPipeline)
    assert ours(text) == theirs(text)
