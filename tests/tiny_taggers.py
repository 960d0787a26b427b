"""Random networks that tag tokens, and encoded rows for them."""

from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForTokenClassification, PreTrainedModel

from nlp_transfer.data.encoding.collators import PaddingCollator, TagCollator
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from tests.tiny_models import PADDING, random_rows, tiny_config

TAGS = 5

_TOKENIZER: Any = SimpleNamespace(pad_token_id=PADDING, padding_side="right", model_max_length=64)

pad_tags = TagCollator(PaddingCollator(_TOKENIZER))
"""Pads rows of `tagged_rows`."""


def tiny_tagger(family: str, seed: int = 0) -> PreTrainedModel:
    """A random network whose tags depend on the tokens."""
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForTokenClassification.from_config(tiny_config(family, num_labels=TAGS))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def tagged_rows(count: int, seed: int = 0) -> Dataset:
    """Encoded windows with tags, some tokens of which are context."""
    rows = []
    for number, row in enumerate(random_rows(count, seed=seed)):
        ids = row["input_ids"]
        tags = [IGNORE_INDEX if place % 4 == 3 else (token + number) % TAGS for place, token in enumerate(ids)]
        rows.append({"input_ids": ids, "length": row["length"], "labels": tags})
    return Dataset.from_list(rows)
