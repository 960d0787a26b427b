"""Texts about ordinal classification for reports and model cards."""

from nlp_transfer.tasks.classification.wording import LEGEND, NOT_FOR
from nlp_transfer.tasks.wording import Wording

_PYTHON = """import nlp_transfer

for one in nlp_transfer.load("{model}").predict(["A text to classify."]):
    print(one.predicted, one.probabilities)"""

_PLAIN = (
    "The prediction is the median of the probabilities, which has the least expected distance, or that of the least "
    "expected cost where costs are set. A `pipeline` of "
    "transformers gives the same probabilities and names the most probable class."
)

WORDING = Wording(
    unit="rows",
    legend="Quadratic kappa is the agreement beyond chance, by squared distances of classes: 1 is perfect, 0 what "
    f"chance gives. MAE in classes is the mean distance. {LEGEND}",
    purpose="It sorts texts like those it learned from into {classes}, in this order.",
    usage=f"```python\n{_PYTHON}\n```\n\n{_PLAIN}",
    hub_usage=_PYTHON,
    not_for=f"{_PLAIN} {NOT_FOR}",
    pipeline_tag="text-classification",
)
