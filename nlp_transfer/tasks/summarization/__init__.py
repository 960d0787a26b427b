"""Summarization: extractive, by sentences of a document, and abstractive, in the model's own words."""

EXTRACTIVE, ABSTRACTIVE = "extractive_summarization", "abstractive_summarization"
"""The names of the tasks."""

WINDOWS, EXTRACT, TRUNCATE = LONG_DOCUMENTS = ("windows", "extract", "truncate")
"""The ways of reading a document that is longer than the encoder's input."""
