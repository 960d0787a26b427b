"""Word what reports and cards tell about masked language models."""

from nlp_transfer.tasks.wording import Wording

_PYTHON = """from transformers import pipeline

fill = pipeline("fill-mask", model="{model}")
print(fill(f"A text with one word {{fill.tokenizer.mask_token}} out."))"""

WORDING = Wording(
    unit="rows",
    legend="The loss is the mean over masked tokens, the perplexity its exponential; both sides guess the same tokens.",
    purpose="It is an encoder to go on from, on texts like those it learned from; alone it guesses hidden words.",
    usage=f"Name `{{model}}` as the `model` of another run.\n\n```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
    not_for=(
        "It is not for other kinds of texts or other languages, and what it guesses is no statement of fact. What is "
        "built on it is not for decisions about people without a person who reads the text."
    ),
    pipeline_tag="fill-mask",
)
