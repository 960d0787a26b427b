"""Texts about token classification for reports and model cards."""

from nlp_transfer.tasks.wording import Wording

_PYTHON = """import nlp_transfer
from transformers import pipeline

nlp_transfer.register_pipelines()  # pip install nlp-transfer
find = pipeline("token-classification", model="{model}", aggregation_strategy="simple")
print(find("A text with names."))"""

_PLAIN = (
    "Without `register_pipelines()` transformers finds others: pieces of words where the most probable tags contradict "
    "one another, and of a long text those at its beginning alone."
)

WORDING = Wording(
    unit="texts",
    legend="Strict: an entity is right if its first and last character and its class are; all entities of a text "
    "count, wherever it is cut. Partial counts overlapping entities half, whatever their class; class asks for the "
    "class of overlapping ones alone. Unseen F1 is strict, of mentions that no training text has.",
    purpose="It finds entities in texts like those it learned from, of {classes}.",
    usage="```bash\npython scripts/predict.py {model} documents.jsonl\n```\n\n"
    f"In Python:\n\n```python\n{_PYTHON}\n```\n\n{_PLAIN}",
    hub_usage=_PYTHON,
    not_for=(
        f"{_PLAIN} It is not for other kinds of texts or other languages. It misses entities: it is not for finding "
        "all personal data, nor for decisions about people, without a person who reads the text."
    ),
    pipeline_tag="token-classification",
)
