"""Texts name what a user runs."""

from nlp_transfer.tasks.token_classification.wording import WORDING


def test_usage_names_the_command_and_the_pipeline():
    assert "scripts/predict.py {model}" in WORDING.usage
    assert 'pipeline("token-classification", model="{model}", aggregation_strategy="simple")' in WORDING.hub_usage
    assert "{classes}" in WORDING.purpose
    assert WORDING.pipeline_tag == "token-classification"
