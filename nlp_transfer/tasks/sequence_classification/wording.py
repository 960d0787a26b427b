"""Texts about sequence classification for reports and model cards."""

from nlp_transfer.tasks.classification.wording import LEGEND, NOT_FOR
from nlp_transfer.tasks.wording import Wording

_PYTHON = """from transformers import pipeline

classify = pipeline("text-classification", model="{model}", truncation=True)
print(classify("A text to classify.", top_k=None))"""

WORDING = Wording(
    unit="rows",
    legend=LEGEND,
    purpose="It sorts texts like those it learned from into {classes}.",
    usage=f"```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
    not_for=NOT_FOR,
    pipeline_tag="text-classification",
)
