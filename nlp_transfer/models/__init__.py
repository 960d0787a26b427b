"""Load networks, and give them heads, pooling and adapters."""
