"""The examples on a card of a pair classifier are Python, and name both texts."""

import ast

from nlp_transfer.tasks.sentence_pairs.wording import WORDING


def test_examples_are_python():
    module = ast.unparse(ast.parse(WORDING.hub_usage.format(model="firm/claims")))
    assert "model='firm/claims'" in module
    assert "{'text': 'A section of a contract.', 'text_pair': 'A claim about it.'}" in module
    assert "nlp_transfer.register_pipelines()" in module


def test_the_limits_name_what_plain_transformers_cuts():
    assert 'truncation="only_first"' in WORDING.not_for
