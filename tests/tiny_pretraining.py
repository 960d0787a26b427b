"""Tiny networks, rows and masks for masked-language modelling."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.masking import MaskingCollator, TokenMasker
from tests.tiny_models import PADDING, VOCABULARY, random_rows, tiny_config

MASK = 4


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the tiny networks' vocabulary: `w7` is token 7, and some of the first five are special."""
    special = {PADDING: "[PAD]", MASK: "[MASK]", 2: "[CLS]", 3: "[SEP]"}
    words = {special.get(token, f"w{token}"): token for token in range(VOCABULARY)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="[PAD]")),
        pad_token="[PAD]",
        mask_token="[MASK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def tiny_masked_lm(kind: str) -> PreTrainedModel:
    """A random network with its head."""
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(tiny_config(kind)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def text_rows(count: int, seed: int = 0) -> Dataset:
    """Encoded rows as `encode_pieces` makes them: words of two tokens between special ones."""
    rows = []
    for number, row in enumerate(random_rows(count, seed=seed)):
        ids: list[int] = row["input_ids"]
        words = [-1, *(place // 2 for place in range(len(ids) - 2)), -1]
        rows.append({"id": f"row{number}", "input_ids": ids, "words": words, "length": len(ids)})
    return Dataset.from_list(rows)


def masking(probability: float = 0.3, seed: int = 0) -> MaskingCollator:
    """A collator that needs no tokenizer."""
    tokenizer: Any = SimpleNamespace(pad_token_id=PADDING, padding_side="right", model_max_length=64)
    return MaskingCollator(
        PaddingCollator(tokenizer), TokenMasker(MASK, np.arange(5, VOCABULARY), probability, True), seed
    )
