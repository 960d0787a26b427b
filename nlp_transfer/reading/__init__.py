"""How what a user writes becomes settings: YAML files and overrides as one tree, and a tree as typed dataclasses."""
