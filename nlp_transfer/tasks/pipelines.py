"""Register this package's pipelines with transformers."""

from typing import Any

from transformers import AutoModelForSeq2SeqLM, pipelines
from transformers.pipelines import PIPELINE_REGISTRY

from nlp_transfer.models.heads.extractive import AutoModelForExtractiveSummarization, register_models
from nlp_transfer.tasks.classification import pipeline as classification
from nlp_transfer.tasks.summarization import pipeline as summarization
from nlp_transfer.tasks.token_classification import pipeline as tagging


def register_pipelines() -> None:
    """Let `transformers.pipeline` summarize, and read documents of any length; repeat it at will.

    `summarization` is added, with this package's networks. `text-classification` and `token-classification` read models
    of this package as they were trained to read, and all others as before.

    Example:
        >>> register_pipelines()
        >>> "summarization" in transformers.pipelines.PIPELINE_REGISTRY.get_supported_tasks()
        True
    """
    register_models()
    registered = PIPELINE_REGISTRY.supported_tasks
    registered[classification.TASK]["impl"] = classification.DocumentClassificationPipeline
    registered[tagging.TASK]["impl"] = tagging.EntityPipeline
    if registered.get(summarization.TASK, {}).get("impl") is summarization.SummarizationPipeline:
        return
    getattr(pipelines, "REMOVED_TASKS", {}).pop(summarization.TASK, None)  # which transformers refuses, from 5.24 on
    classes: Any = (AutoModelForSeq2SeqLM, AutoModelForExtractiveSummarization)  # which takes what the first does not
    PIPELINE_REGISTRY.register_pipeline(
        summarization.TASK, pipeline_class=summarization.SummarizationPipeline, pt_model=classes, type="text"
    )
