"""Find entities in a transformers pipeline as a model of this package was trained to find them."""

from collections.abc import Iterator
from typing import Any

from transformers import TokenClassificationPipeline
from transformers.pipelines.token_classification import AggregationStrategy

from nlp_transfer.data.validation.blank import is_blank
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, LoadedNetwork
from nlp_transfer.tasks.token_classification import NAME
from nlp_transfer.tasks.token_classification.entities import EntityPrediction
from nlp_transfer.tasks.token_classification.predictor import EntityPredictor

TASK = "token-classification"


class EntityPipeline(TokenClassificationPipeline):
    """Find the entities of texts of any length, by the best path of valid tags.

    Every `aggregation_strategy` gives the same. Without one, and for models of other packages, it does what
    transformers does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        record = getattr(self.model.config, CONFIG_KEY, {})
        self.predictor: EntityPredictor | None = None
        if record.get("task") == NAME and self.tokenizer is not None and self.tokenizer.is_fast:
            network = LoadedNetwork(self.model, self.tokenizer, self.model.config)
            origin = str(self.model.name_or_path)
            self.predictor = EntityPredictor.of_network(network, record, origin)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as its base
        """Return the entities of a text, or of each text of a list, as transformers does."""
        strategy = kwargs.get("aggregation_strategy", self._postprocess_params.get("aggregation_strategy"))
        texts = [inputs] if isinstance(inputs, str) else inputs
        grouped = strategy not in (None, "none", AggregationStrategy.NONE)
        if self.predictor is None or not grouped or kwargs.keys() - {"aggregation_strategy", "batch_size"}:
            return super().__call__(inputs, **kwargs)
        made = [
            [
                {
                    "entity_group": one.label,
                    "score": one.probability,
                    "word": one.text,
                    "start": one.start,
                    "end": one.end,
                }
                for one in prediction.entities
            ]
            for prediction in self._predictions(texts)
        ]
        return made[0] if isinstance(inputs, str) else made

    def _predictions(self, texts: Any) -> Iterator[EntityPrediction]:
        """Yield the entities of each text; a blank one has none."""
        assert self.predictor is not None
        texts = list(texts)
        made = iter(self.predictor.predict([text for text in texts if not is_blank(text)]))
        for text in texts:
            yield EntityPrediction(None, []) if is_blank(text) else next(made)
