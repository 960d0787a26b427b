"""Put heads and pooling on top of an encoder."""

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Penalties on the weights of linear heads that are tried where none are named; here, where nothing loads PyTorch."""
