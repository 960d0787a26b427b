"""Corpora: read rows of text from one domain, split them, and encode them as batches."""
