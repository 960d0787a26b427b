"""Turn what a user writes into a checked experiment."""
