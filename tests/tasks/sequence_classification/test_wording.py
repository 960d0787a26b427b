"""The examples on a classifier's card are Python."""

import ast

from nlp_transfer.tasks.sequence_classification.wording import WORDING


def test_examples_are_python() -> None:
    module = ast.parse(WORDING.hub_usage.format(model="firm/clauses"))
    assert "firm/clauses" in ast.unparse(module)
    assert WORDING.hub_usage in WORDING.usage


def test_the_purpose_names_the_classes() -> None:
    assert WORDING.purpose.format(classes="a and b").endswith("into a and b.")
