"""Hold the texts about a task for people: of its reports and model cards."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """Texts about one task; `{model}` is replaced by a model's folder or name, `{classes}` by its classes.

    Its `usage` is Markdown, `hub_usage` Python, `legend` (on metrics) and `not_for` (limits) are sentences.
    """

    unit: str
    legend: str
    purpose: str
    usage: str
    hub_usage: str
    not_for: str
    pipeline_tag: str
