"""The example on an ordinal classifier's card is Python, and the card says how the pipeline differs."""

import ast

from nlp_transfer.tasks.ordinal_classification.wording import WORDING


def test_examples_are_python():
    assert "load('firm/stars')" in ast.unparse(ast.parse(WORDING.hub_usage.format(model="firm/stars")))
    assert "names the most probable class" in WORDING.not_for
    assert WORDING.purpose.format(classes="a and b").endswith("in this order.")
