"""Speed up forward passes, with the same result."""
