"""Sequence classification: one label or several labels a text."""

NAME = "sequence_classification"
