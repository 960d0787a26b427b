"""Texts about image classification for reports and model cards."""

from nlp_transfer.tasks.classification.wording import LEGEND
from nlp_transfer.tasks.wording import Wording

_PYTHON = """from transformers import pipeline

classify = pipeline("image-classification", model="{model}")
print(classify("page.png"))"""

_PLAIN = (
    "Where torchvision is installed, the pipeline resizes images a little differently. It reads transparent parts as "
    "black; this package reads them as white."
)

WORDING = Wording(
    unit="images",
    legend=LEGEND,
    purpose="It sorts images like those it learned from into {classes}.",
    usage="```bash\npython scripts/predict.py {model} pages/\n```\n\n"
    f"In Python:\n\n```python\n{_PYTHON}\n```\n\n{_PLAIN}",
    hub_usage=_PYTHON,
    not_for=(
        f"{_PLAIN} It is not for other kinds of images, which it sorts all the same, nor for decisions about people "
        "without a person who looks at the image."
    ),
    pipeline_tag="image-classification",
)
