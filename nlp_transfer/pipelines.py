"""The pipeline `summarization`, which transformers 5 no longer has, for models that were trained here.

import nlp_transfer
from transformers import pipeline

nlp_transfer.register_pipelines()
summarize = pipeline("summarization", model="runs/aclsum/model")
summarize("A long document.")  # {"summary_text": "…", "sentences": [{"text": "…", "start": 0, "end": 12, …}]}
"""

from typing import Any

from transformers import Pipeline, pipelines
from transformers.pipelines import PIPELINE_REGISTRY

from nlp_transfer.hub import CONFIG_KEY, TrainedSummarizer, summarizer_settings
from nlp_transfer.models.extractive import AutoModelForExtractiveSummarization
from nlp_transfer.summarizing import summarize

TASK = "summarization"


class ExtractiveSummarizationPipeline(Pipeline):
    """Summarises documents by sentences of theirs; a text or a list of texts in, a dict or a list of dicts out."""

    _load_tokenizer: Any = True
    _load_processor: Any = False
    _load_image_processor: Any = False
    _load_feature_extractor: Any = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        model: Any = self.model
        name, tokenizer = model.config._name_or_path, self.tokenizer
        assert tokenizer is not None, "the registry says that this task has one"
        settings = summarizer_settings(name, getattr(model.config, CONFIG_KEY, None))
        self.summarizer = TrainedSummarizer(model=model.float().eval(), tokenizer=tokenizer, origin=name, **settings)

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        if options:
            raise TypeError(f"The pipeline {TASK!r} has no option {next(iter(options))!r}; its model's settings count.")
        return {}, {}, {}

    def preprocess(self, input_: str, **_: Any) -> dict[str, Any]:
        """The document as it is: windows are made when it is read."""
        if not isinstance(input_, str):
            raise TypeError(f"The pipeline {TASK!r} takes texts; got {type(input_).__name__}.")
        return {"text": input_}

    def _forward(self, input_tensors: dict[str, Any], **_: Any) -> Any:
        (summary,) = summarize(self.summarizer, [(0, input_tensors["text"])])
        return {"summary": summary}

    def postprocess(self, model_outputs: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The summary as one text, and its sentences with their offsets and scores."""
        summary = model_outputs["summary"]
        sentences = [vars(sentence).copy() for sentence in summary.sentences]
        return {"summary_text": summary.summary, "sentences": sentences}


def register_pipelines() -> None:
    """Let `transformers.pipeline` know the task `summarization`. Doing so again changes nothing."""
    getattr(pipelines, "REMOVED_TASKS", {}).pop(TASK, None)  # which transformers refuses by name, from 5.24 on
    PIPELINE_REGISTRY.register_pipeline(
        TASK,
        pipeline_class=ExtractiveSummarizationPipeline,
        pt_model=AutoModelForExtractiveSummarization,
        type="text",
    )
