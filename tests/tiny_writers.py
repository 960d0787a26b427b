"""Random encoder-decoder networks, and pairs of texts of which the second copies some of the first."""

from typing import Any

import torch
from datasets import Dataset
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.tiny_models import HIDDEN, PADDING, VOCABULARY, tiny_config

WRITERS = ("bert2bert", "t5", "bart")
START, END = 2, 3


def tiny_writer(kind: str, seed: int = 0) -> PreTrainedModel:
    """A random network in evaluation mode, with every special token set."""
    torch.manual_seed(seed)
    tokens = {"pad_token_id": PADDING, "eos_token_id": END, "decoder_start_token_id": START}
    if kind == "bert2bert":
        decoder = tiny_config("bert")
        decoder.is_decoder = decoder.add_cross_attention = True
        config = EncoderDecoderConfig.from_encoder_decoder_configs(tiny_config("bert"), decoder, **tokens)
        model: PreTrainedModel = EncoderDecoderModel(config=config)
    elif kind == "t5":
        sizes: dict[str, Any] = {"d_model": HIDDEN, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
        model = T5ForConditionalGeneration(T5Config(vocab_size=VOCABULARY, dropout_rate=0.0, **sizes, **tokens))
    else:
        layers: dict[str, Any] = {"encoder_layers": 2, "decoder_layers": 2}
        heads: dict[str, Any] = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
        widths: dict[str, Any] = {"d_model": HIDDEN, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
        model = BartForConditionalGeneration(
            BartConfig(
                vocab_size=VOCABULARY,
                max_position_embeddings=80,
                bos_token_id=START,
                forced_eos_token_id=None,
                dropout=0.0,
                **layers,
                **heads,
                **widths,
                **tokens,
            )
        )
    for name, value in tokens.items():
        setattr(model.generation_config, name, value)
    return model.eval()


def pairs(count: int, seed: int = 0) -> Dataset:
    """Rows of 4 to 12 tokens whose labels are the first 2 to 5 of them, and the end."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for number in range(count):
        length = 4 + int(torch.randint(9, (), generator=generator))
        ids = torch.randint(5, 15, (length,), generator=generator).tolist()
        rows.append({"input_ids": ids, "labels": [*ids[: 2 + number % 4], END], "length": length})
    return Dataset.from_list(rows)


def pad_pairs(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad both sides to the longest."""
    width, long = (max(len(row[name]) for row in rows) for name in ("input_ids", "labels"))
    ids = [row["input_ids"] + [PADDING] * (width - len(row["input_ids"])) for row in rows]
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": (torch.tensor(ids) != PADDING).long(),
        "labels": torch.tensor([row["labels"] + [-100] * (long - len(row["labels"])) for row in rows]),
    }
