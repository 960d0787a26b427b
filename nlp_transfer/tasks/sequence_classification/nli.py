"""Classify texts zero-shot by a model of natural language inference: the class whose hypothesis a text entails most.

A hypothesis is the description of a class or, without descriptions, "This example is NAME.". Each text is read once for
each class, so that large models are slow; of long texts they read the beginning.
Reference: Yin et al. (2019), https://arxiv.org/abs/1909.00161
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
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
    classes = [str(label) for _, label in sorted(pipeline.model.config.id2label.items())]
    tokenizer = pipeline.tokenizer
    if problem := inference_problem(classes, tokenizer, tokenizer.model_max_length, _hypotheses(corpus)[0]):
        raise ConfigError(f"task.nli_model: {name} {problem}")
    other = classes[0 if pipeline.entailment_id else -1].lower()
    if multi_label and not other.startswith(("contra", "not")):
        raise ConfigError(
            f"task.nli_model: {name} has the classes {', '.join(classes)}. For several labels a text, transformers' "
            f"pipeline takes {other} for contradiction; take a model that has contradiction first, or last after "
            "entailment."
        )


def inference_problem(classes: Sequence[str], tokenizer: Any, max_length: int, hypotheses: Iterable[str]) -> str | None:
    """Return why a model of these classes cannot compare texts with hypotheses, as the end of a sentence, if so."""
    if not any(label.lower().startswith("entail") for label in classes):
        return (
            f"has the classes {', '.join(classes)}; expected a model of natural language inference, one of whose "
            "classes is entailment, such as facebook/bart-large-mnli."
        )
    lengths = {text: len(tokenizer("", text)["input_ids"]) for text in hypotheses}
    if long := [f"{text[:40]!r} ({length} tokens)" for text, length in lengths.items() if length >= max_length]:
        return (
            f"reads {max_length} tokens, of a description and a text together, and these descriptions leave no room "
            f"for a text: {', '.join(long)}. Shorten them."
        )
    return None


def descriptions_problem(descriptions: Any) -> str | None:
    """Return why descriptions of classes cannot be told apart, if so."""
    read = descriptions if isinstance(descriptions, Mapping) else {}
    texts = {name: text.strip() for name, text in read.items() if isinstance(text, str) and text.strip()}
    if len(texts) < max(2, len(read)):
        return f"{descriptions!r}; expected a text for each of two classes or more, CLASS=TEXT."
    same = [name for name, text in texts.items() if list(texts.values()).count(text) > 1]
    return f"{', '.join(same)} have the same text. Say how they differ." if same else None


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
        scores = entailment_scores(loaded[0], texts, hypotheses, **options)
        return (scores > 0.5).astype(np.int64) if task.multi_label else scores.argmax(axis=1)

    return predict


def entailment_scores(pipeline: Any, texts: Sequence[str], hypotheses: Sequence[str], **options: Any) -> np.ndarray:
    """Return how far a pipeline takes each text to entail each hypothesis, shape (texts, hypotheses).

    Args:
        options: of the pipeline's call.
    """
    made = pipeline(list(texts), candidate_labels=list(hypotheses), **{"batch_size": BATCH_SIZE, **options})
    by_text = (dict(zip(one["labels"], one["scores"], strict=True)) for one in made)
    return np.array([[scores[hypothesis] for hypothesis in hypotheses] for scores in by_text])


def _hypotheses(source: "Corpus") -> tuple[list[str], str]:
    """Return what is known of each class, its description or its name, and the template that makes it a hypothesis."""
    names, descriptions = source.label_names, descriptions_in(source.splits["train"])
    if all(label in descriptions for label in names):
        return [descriptions[label] for label in names], "{}"
    return list(names), TEMPLATE


def _pipeline(name: str) -> Any:
    """Return transformers' pipeline of a model, whose tokenizer cuts texts to its positions; raise ConfigError."""
    from accelerate import PartialState
    from transformers import AutoModelForSequenceClassification

    from nlp_transfer.models.loading import max_positions, missing_names, read_config, read_weights
    from nlp_transfer.models.tokenizer_loading import load_tokenizer

    reference = ModelReference(name)
    folder, config = read_config(reference)
    model, info = read_weights(AutoModelForSequenceClassification, reference, folder, config)
    if missing := missing_names(info):
        raise ConfigError(f"model: {name} lacks the weights {', '.join(missing)}; expected a trained classifier.")
    tokenizer = load_tokenizer(reference)
    longest = min(tokenizer.model_max_length, max_positions(config) or tokenizer.model_max_length)
    return inference_pipeline(model.to(PartialState().device), tokenizer, longest)


def inference_pipeline(model: Any, tokenizer: Any, max_length: int) -> Any:
    """Return transformers' pipeline of a network, which cuts texts at a number of tokens."""
    from transformers import ZeroShotClassificationPipeline

    tokenizer.model_max_length = max_length
    return ZeroShotClassificationPipeline(model=model, tokenizer=tokenizer, device=model.device)
