"""Sequence classification: one label or several labels a text."""
