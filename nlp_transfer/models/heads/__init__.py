"""Put heads and pooling on top of an encoder."""
