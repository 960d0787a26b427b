"""Token classification: the entities of a text."""

NAME = "token_classification"

DICTIONARY, MAJORITY = "dictionary", "majority"

ENTITY_BASELINES = (DICTIONARY, MAJORITY)
"""The names of the baselines."""

ROW_KEYS = ("id", "split", "domain", "entities", "references")
"""The keys of a line of predictions, in their order. `references` is null where entities are not marked."""
