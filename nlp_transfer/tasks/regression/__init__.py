"""Regression: one number of a text, or several."""

NAME = "regression"

ROW_KEYS = ("id", "split", "domain", "reference", "predicted", "low", "high")
"""The keys of a line of predictions, in their order; `low` and `high` are null without intervals."""
