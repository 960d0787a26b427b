"""Texts about pair regression for reports and model cards."""

from dataclasses import replace

from nlp_transfer.tasks.regression.wording import WORDING as OF_TEXTS

_PYTHON = """import nlp_transfer
from transformers import pipeline

nlp_transfer.register_pipelines()  # pip install nlp-transfer
predict = pipeline("text-classification", model="{model}")
print(predict({{"text": "A document.", "text_pair": "A summary of it."}}, top_k=None))  # each score is a number"""

WORDING = replace(
    OF_TEXTS,
    unit="pairs",
    purpose="It predicts numbers of pairs of texts like those it learned from.",
    usage=f"```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
)
