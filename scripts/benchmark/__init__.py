"""Measure stock transformers and this package on the same work; README.md explains the tables."""
