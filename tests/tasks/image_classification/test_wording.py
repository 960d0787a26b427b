"""Texts about image classification fit a report."""

from nlp_transfer.tasks.image_classification.wording import WORDING


def test_the_texts_name_the_model_once_it_is_filled_in():
    usage = WORDING.usage.format(model="runs/pages/model", classes="")
    assert 'pipeline("image-classification", model="runs/pages/model")' in usage
    assert "python scripts/predict.py runs/pages/model pages/" in usage
    assert WORDING.purpose.format(classes="dark and light") == (
        "It sorts images like those it learned from into dark and light."
    )
