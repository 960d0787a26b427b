"""Define the texts about a task that reports and model cards hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """Texts about one task. `{model}` stands for a model's folder or name, `{classes}` for its classes.

    Args:
        unit: the word for its rows.
        legend: what its metrics mean, as sentences.
        purpose: what a model does, as a sentence of a model card.
        usage: how to use a saved model, as Markdown.
        hub_usage: how to use a model of the Hub, in Python.
        not_for: what a model is not for, as sentences of a model card.
        pipeline_tag: the Hub's name of the task.
    """

    unit: str
    legend: str
    purpose: str
    usage: str
    hub_usage: str
    not_for: str
    pipeline_tag: str
