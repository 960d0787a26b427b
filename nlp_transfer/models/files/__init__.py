"""Resolve, download and validate model folders."""
