"""Ordinal classification: classes with an order, such as 1 to 5 stars."""

NAME = "ordinal_classification"
