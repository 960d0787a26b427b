"""Faster forward passes with the same result."""
