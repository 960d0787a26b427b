"""Texts about sequence classification for reports and model cards."""

from nlp_transfer.tasks.base import Wording

_PYTHON = """from transformers import pipeline

classify = pipeline("text-classification", model="{model}", truncation=True)
print(classify("A text to classify.", top_k=None))"""

WORDING = Wording(
    unit="rows",
    legend="Macro means run over classes, micro over decisions, weighted over classes by support. ECE is how far the "
    "confidence is from the share that is right, AURC the mean error rate of the surest texts; less is better.",
    purpose="It sorts texts like those it learned from into {classes}.",
    usage=f"```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
    not_for=(
        "It is not for other kinds of texts or other languages, which it sorts all the same, nor for decisions about "
        "people without a person who reads the text."
    ),
    pipeline_tag="text-classification",
)
