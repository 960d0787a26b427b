"""Summarization: extractive and abstractive."""
