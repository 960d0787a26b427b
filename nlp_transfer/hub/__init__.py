"""Prepare, check and upload what leaves the machine."""
