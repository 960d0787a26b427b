"""Token classification: the entities of a text."""

NAME = "token_classification"
