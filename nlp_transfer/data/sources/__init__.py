"""Readers of each kind of corpus source."""
