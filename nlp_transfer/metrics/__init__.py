"""Scores of predictions as `evaluate` metrics that need no network; thresholds and intervals."""
