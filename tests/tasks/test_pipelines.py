"""Registration with transformers may be repeated, and changes no pipeline for models of others."""

import logging

import pytest
from transformers import pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from nlp_transfer import register_pipelines
from nlp_transfer.tasks.classification.pipeline import DocumentClassificationPipeline
from nlp_transfer.tasks.summarization.pipeline import SummarizationPipeline
from tests.tiny_classifiers import save_classifier


def test_both_are_registered_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        register_pipelines()
        register_pipelines()
    assert caplog.records == []
    made = {name: PIPELINE_REGISTRY.supported_tasks[name]["impl"] for name in ("text-classification", "summarization")}
    assert made == {"text-classification": DocumentClassificationPipeline, "summarization": SummarizationPipeline}


def test_a_model_of_others_is_read_as_by_transformers(tmp_path) -> None:
    folder = str(save_classifier(tmp_path))
    plain = pipeline("text-classification", model=folder)("w1 w2", top_k=None)
    register_pipelines()
    ours = pipeline("text-classification", model=folder)
    assert type(ours) is DocumentClassificationPipeline
    assert ours("w1 w2", top_k=None) == plain
