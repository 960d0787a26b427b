"""Texts about sentence pairs for reports and model cards."""

from nlp_transfer.tasks.classification.wording import LEGEND, NOT_FOR
from nlp_transfer.tasks.wording import Wording

_PYTHON = """import nlp_transfer
from transformers import pipeline

nlp_transfer.register_pipelines()  # pip install nlp-transfer
judge = pipeline("text-classification", model="{model}")
print(judge({{"text": "A section of a contract.", "text_pair": "A claim about it."}}, top_k=None))"""

_PLAIN = (
    "Without `register_pipelines()` transformers reads both texts together up to the length of the tokenizer, and what "
    'is cut with `truncation=True` may be the second text; `truncation="only_first"` cuts the first.'
)

WORDING = Wording(
    unit="pairs",
    legend=LEGEND,
    purpose="It sorts pairs of texts like those it learned from into {classes}.",
    usage=f"```python\n{_PYTHON}\n```\n\n{_PLAIN}",
    hub_usage=_PYTHON,
    not_for=f"{_PLAIN} {NOT_FOR}",
    pipeline_tag="text-classification",
)
