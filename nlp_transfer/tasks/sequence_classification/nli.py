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


def check_nli_model(name: str, corpus: "Corpus", *, multi_label: bool) -> None:
    """Load a model once, before training; raise ConfigError if it cannot be the baseline of a corpus."""
    try:
        pipeline = _pipeline(name)
    except ConfigError as error:
        raise ConfigError([f"task.nli_{problem}" for problem in error.problems]) from error
    classes = {number: str(label).lower() for label, number in pipeline.model.config.label2id.items()}
    shown = ", ".join(label for _, label in sorted(classes.items()))
    if not any(label.startswith("entail") for label in classes.values()):
        raise ConfigError(
            f"task.nli_model: {name} has the classes {shown}; expected a model of natural language inference, one of "
            "whose classes is entailment, such as facebook/bart-large-mnli."
        )
    other = classes[0 if pipeline.entailment_id else max(classes)]
    if multi_label and not other.startswith(("contra", "not")):
        raise ConfigError(
            f"task.nli_model: {name} has the classes {shown}. For several labels a text, transformers' pipeline takes "
            f"{other} for contradiction; take a model that has contradiction first, or last after entailment."
        )
    read = pipeline.tokenizer.model_max_length
    lengths = {text: len(pipeline.tokenizer("", text)["input_ids"]) for text in _hypotheses(corpus)[0]}
    if long := [f"{text[:40]!r} ({length} tokens)" for text, length in lengths.items() if length >= read]:
        raise ConfigError(
            f"task.nli_model: {name} reads {read} tokens, of a description and a text together, and these descriptions "
            f"leave no room for a text: {', '.join(long)}. Shorten them, or leave task.nli_model out."
        )


def nli_predictions(name: str, task: "FittedTask", corpora: "Mapping[str, Corpus]") -> "OfSplit":
    """Return the predictions of an NLI model for the texts of a domain and split."""
    hypotheses, template = _hypotheses(corpora["source"])
    loaded: list[Any] = []

    def predict(domain: str, split: str) -> np.ndarray:
        if not loaded:
            loaded.append(_pipeline(name))
        texts = list(corpora[domain].splits[split]["text"])
        log.info("nli: %d texts of %s %s, each with %d hypotheses.", len(texts), domain, split, len(hypotheses))
        options = {"hypothesis_template": template, "multi_label": task.multi_label}
        made = loaded[0](texts, candidate_labels=hypotheses, batch_size=BATCH_SIZE, **options)
        scores = np.array(
            [[dict(zip(one["labels"], one["scores"], strict=True))[text] for text in hypotheses] for one in made]
        )
        return (scores > 0.5).astype(np.int64) if task.multi_label else scores.argmax(axis=1)

    return predict


def _hypotheses(source: "Corpus") -> tuple[list[str], str]:
    """Return what is known of each class, its description or its name, and the template that makes it a hypothesis."""
    names, descriptions = source.label_names, descriptions_in(source.splits["train"])
    if all(label in descriptions for label in names):
        return [descriptions[label] for label in names], "{}"
    return list(names), TEMPLATE


def _pipeline(name: str) -> Any:
    """Return transformers' pipeline of a model, whose tokenizer cuts texts to its positions; raise ConfigError."""
    from accelerate import PartialState
    from transformers import AutoModelForSequenceClassification, ZeroShotClassificationPipeline

    from nlp_transfer.models.loading import max_positions, missing_names, read_config, read_weights
    from nlp_transfer.models.tokenizer_loading import load_tokenizer

    reference = ModelReference(name)
    folder, config = read_config(reference)
    model, info = read_weights(AutoModelForSequenceClassification, reference, folder, config)
    if missing := missing_names(info):
        raise ConfigError(f"model: {name} lacks the weights {', '.join(missing)}; expected a trained classifier.")
    tokenizer = load_tokenizer(reference)
    if (longest := max_positions(config)) is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
    device = PartialState().device
    return ZeroShotClassificationPipeline(model=model, tokenizer=tokenizer, device=device)
