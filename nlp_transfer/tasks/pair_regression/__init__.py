"""Pair regression: a number of two texts, such as how far a summary follows from a document."""

NAME = "pair_regression"
