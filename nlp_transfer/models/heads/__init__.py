"""Heads and pooling on top of an encoder."""
