"""Checks of rows: columns, labels, ids, blank texts."""
