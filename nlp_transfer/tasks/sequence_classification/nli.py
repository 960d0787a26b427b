"""Score a model of natural language inference as a zero-shot baseline: the class whose hypothesis a text entails most.

A hypothesis is the description of a class or, without descriptions, "This example is NAME.". Each text is read once for
each class, so that large models are slow; of long texts they read the beginning.
Reference: Yin et al. (2019), https://arxiv.org/abs/1909.00161
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.descriptions import descriptions_in
from nlp_transfer.errors import ConfigError
from nlp_transfer.models.reference import ModelReference

if TYPE_CHECKING:
    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.tasks.base import FittedTask
    from nlp_transfer.tasks.classification.baselines import OfSplit

log = logging.getLogger(__name__)

NLI = "nli"
"""Name of the baseline."""

TEMPLATE = "This example is {}."
"""Hypothesis for the name of a class, that of transformers' pipeline."""

BATCH_SIZE = 16


def check_nli_model(name: str) -> None:
    """Raise ConfigError if a model cannot be read, or has no class `entailment`."""
    from nlp_transfer.models.loading import read_config

    try:
        _, config = read_config(ModelReference(name))
    except ConfigError as error:
        raise ConfigError([f"task.nli_{problem}" for problem in error.problems]) from error
    labels = list(config.label2id or {})
    if not any(label.lower().startswith("entail") for label in labels):
        raise ConfigError(
            f"task.nli_model: {name} has the classes {', '.join(map(str, labels))}; expected a model of natural "
            "language inference, one of whose classes is entailment, such as facebook/bart-large-mnli."
        )


def nli_predictions(name: str, task: "FittedTask", corpora: "Mapping[str, Corpus]") -> "OfSplit":
    """Return the predictions of an NLI model for the texts of a domain and split."""
    names = list(task.label_names)
    descriptions = descriptions_in(corpora["source"].splits["train"])
    described = all(name in descriptions for name in names)
    hypotheses = [descriptions[name] if described else name for name in names]
    loaded: list[Any] = []

    def predict(domain: str, split: str) -> np.ndarray:
        if not loaded:
            loaded.append(_pipeline(name))
        texts = list(corpora[domain].splits[split]["text"])
        log.info(
            "nli: %d texts of %s %s, with a hypothesis for each of %d classes.", len(texts), domain, split, len(names)
        )
        options = {"hypothesis_template": "{}" if described else TEMPLATE, "multi_label": task.multi_label}
        made = loaded[0](texts, candidate_labels=hypotheses, batch_size=BATCH_SIZE, **options)
        scores = np.array(
            [[dict(zip(one["labels"], one["scores"], strict=True))[text] for text in hypotheses] for one in made]
        )
        return (scores > 0.5).astype(np.int64) if task.multi_label else scores.argmax(axis=1)

    return predict


def _pipeline(name: str) -> Any:
    """Return transformers' pipeline of a model, which reads as many tokens as it has positions."""
    from accelerate import PartialState
    from transformers import AutoModelForSequenceClassification, ZeroShotClassificationPipeline

    from nlp_transfer.models.loading import max_positions, missing_names, read_config, read_weights
    from nlp_transfer.models.tokenizer_loading import load_tokenizer

    reference = ModelReference(name)
    folder, config = read_config(reference)
    model, info = read_weights(AutoModelForSequenceClassification, reference, folder, config)
    if missing := missing_names(info):
        raise ConfigError(
            f"task.nli_model: {name} lacks the weights {', '.join(missing)}; expected a trained classifier."
        )
    tokenizer = load_tokenizer(reference)
    if (longest := max_positions(config)) is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
    device = PartialState().device
    return ZeroShotClassificationPipeline(model=model, tokenizer=tokenizer, device=device)
