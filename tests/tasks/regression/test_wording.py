"""The example on the card of a regression is Python."""

import ast

from nlp_transfer.tasks.regression.wording import WORDING


def test_examples_are_python():
    assert "model='firm/prices'" in ast.unparse(ast.parse(WORDING.hub_usage.format(model="firm/prices")))
    for name in ("R²", "MAE", "MSE", "Pearson", "Spearman"):
        assert name in WORDING.legend
