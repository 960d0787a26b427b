"""Scores of predictions: `evaluate` metrics that need no network, thresholds, intervals."""
