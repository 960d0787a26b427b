"""Texts about regression for reports and model cards."""

from nlp_transfer.tasks.wording import Wording

_PYTHON = """from transformers import pipeline

predict = pipeline("text-classification", model="{model}", truncation=True)
print(predict("A text.", top_k=None))  # each score is a number"""

WORDING = Wording(
    unit="rows",
    legend="R² is 1 for a perfect prediction and 0 for the mean of these rows; below 0 is worse than that. MAE is the "
    "mean of absolute errors, MSE that of squared ones, in the units of the numbers; of several numbers each score is "
    "the mean over them. Pearson and Spearman are correlations of the numbers and of their ranks.",
    purpose="It predicts numbers of texts like those it learned from.",
    usage=f"```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
    not_for=(
        "It is not for other kinds of texts or other languages, for which it gives numbers all the same, nor for "
        "decisions about people without a person who reads the text."
    ),
    pipeline_tag="text-classification",
)
