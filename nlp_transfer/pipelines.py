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

    def __call__(self, inputs: Any, *args: Any, num_workers: Any = None, batch_size: Any = None, **kwargs: Any) -> Any:
        """A text or a list of texts in, a dict or a list of dicts out, with `summary_text` and `sentences`.

        Args:
            inputs: the documents.
            args: there are none.
            num_workers: not used: windows of all documents go through the model together.
            batch_size: not used either.
            kwargs: there are none.
        """
        if unknown := [*args, *kwargs]:
            raise TypeError(f"The pipeline {TASK!r} has no option {unknown[0]!r}; its model's settings count.")
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        wrong = [type(text).__name__ for text in texts if not isinstance(text, str)]
        if wrong:
            raise TypeError(f"The pipeline {TASK!r} takes texts; got {wrong[0]}.")
        found = [
            {"summary_text": one.summary, "sentences": [vars(sentence).copy() for sentence in one.sentences]}
            for one in summarize(self.summarizer, enumerate(texts))
        ]
        return found[0] if isinstance(inputs, str) else found

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, {}, {}

    def preprocess(self, input_: Any, **_: Any) -> Any:
        """Not called: `__call__` does it all."""
        raise NotImplementedError

    _forward = postprocess = preprocess  # type: ignore[assignment]


def register_pipelines() -> None:
    """Let `transformers.pipeline` know the task `summarization`. Doing so again changes nothing."""
    if PIPELINE_REGISTRY.supported_tasks.get(TASK, {}).get("impl") is ExtractiveSummarizationPipeline:
        return
    getattr(pipelines, "REMOVED_TASKS", {}).pop(TASK, None)  # which transformers refuses by name, from 5.24 on
    PIPELINE_REGISTRY.register_pipeline(
        TASK,
        pipeline_class=ExtractiveSummarizationPipeline,
        pt_model=AutoModelForExtractiveSummarization,
        type="text",
    )
