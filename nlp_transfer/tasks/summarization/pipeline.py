"""Summarize in a transformers pipeline, which transformers 5 lacks, by models of this package.

It takes the options of the model's predictor, such as `length=2`, or `num_beams=1`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from transformers import Pipeline

from nlp_transfer.models.families import is_encoder_decoder
from nlp_transfer.models.heads.encoder_decoder import positions
from nlp_transfer.tasks.predictor import Predictor
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, UNLIMITED_TOKENS, LoadedNetwork, SavedModel, find_saved
from nlp_transfer.tasks.summarization import EXTRACT
from nlp_transfer.tasks.summarization.abstractive import AbstractiveSummarization
from nlp_transfer.tasks.summarization.abstractive_predictor import AbstractivePredictor
from nlp_transfer.tasks.summarization.extractive_predictor import ExtractivePredictor

TASK = "summarization"


@dataclass(frozen=True)
class _InPipeline(SavedModel):
    """A saved model whose network transformers has loaded already."""

    network: LoadedNetwork | None = None

    def load_network(self, auto_class: Any, noun: str, read: Any = None) -> LoadedNetwork:
        assert self.network is not None, "it is given"
        return self.network


class SummarizationPipeline(Pipeline):
    """Summarize documents by the predictor of a model: a text or a list of texts in, a dict or a list of dicts out."""

    _load_tokenizer: Any = True
    _load_processor: Any = False
    _load_image_processor: Any = False
    _load_feature_extractor: Any = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.predictor = self._predictor().configured(self._preprocess_params)

    def _predictor(self) -> Predictor:
        model, tokenizer = cast("Any", self.model), self.tokenizer
        assert tokenizer is not None, "the registry says that this task has one"
        name, record = model.config._name_or_path, getattr(model.config, CONFIG_KEY, None)
        network = LoadedNetwork(model.float().eval(), tokenizer, model.config)
        folder = Path(name)
        if not is_encoder_decoder(model):
            return ExtractivePredictor.from_saved(_InPipeline(name, folder, folder, record or {}, network))
        if record is None:  # it was trained elsewhere
            record = _usual_state(model.config, tokenizer)
        files = folder
        if record.get("long_documents") == EXTRACT:  # its extractor is no file that transformers has fetched
            files = find_saved(name, getattr(model.config, "_commit_hash", None)).files
        return AbstractivePredictor.from_saved(_InPipeline(name, folder, files, record, network))

    def __call__(self, inputs: Any, *args: Any, num_workers: Any = None, batch_size: Any = None, **kwargs: Any) -> Any:
        """Summarize one text, or each of a list, to a dict with `summary_text`, `sentences` and `flags`."""
        if args:
            raise TypeError(f"The pipeline {TASK!r} takes texts as one argument; give settings by their names.")
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        wrong = [type(text).__name__ for text in texts if not isinstance(text, str)]
        if wrong:
            raise TypeError(f"The pipeline {TASK!r} takes texts; got {wrong[0]}.")
        found = [
            {"summary_text": row["summary"], "sentences": row["sentences"], "flags": row["flags"]}
            for row in (summary.row() for summary in self.predictor.predict(enumerate(texts), **kwargs))
        ]
        return found[0] if isinstance(inputs, str) else found

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return options, {}, {}

    def preprocess(self, input_: Any, **_: Any) -> Any:
        """Raise NotImplementedError: `__call__` does all."""
        raise NotImplementedError

    _forward = postprocess = preprocess  # type: ignore[assignment]


def _usual_state(config: Any, tokenizer: Any) -> dict[str, Any]:
    """Return the settings of a network without a record: its own length and prefix, and windows."""
    own = (getattr(config, "task_specific_params", None) or {}).get(TASK, {})
    longest = min(tokenizer.model_max_length, positions(config, "encoder") or UNLIMITED_TOKENS)
    usual = AbstractiveSummarization(max_length=longest, prefix=own.get("prefix", ""))
    return {**dataclasses.asdict(usual), "baseline_sentences": 1}
