"""Random models of every family, small enough to test with: no download, no tokenizer."""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from nlp_transfer.methods.context import Context

HIDDEN = 32
LAYERS = 3
VOCABULARY = 100
PADDING = 1

_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
    "pad_token_id": PADDING,
}
_SPECIAL: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "distilbert": {"dim": HIDDEN, "hidden_dim": 48, "n_layers": LAYERS, "n_heads": 4},
    "electra": {"embedding_size": 16},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False},
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "position_buckets": 16,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
    },
    "modernbert": {
        "bos_token_id": 2,
        "cls_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "local_attention": 8,
        "global_attn_every_n_layers": 2,
    },
    "eurobert": {"bos_token_id": 2, "eos_token_id": 3, "mask_token_id": 4},
    "longformer": {"attention_window": 8},
    "big_bird": {"block_size": 4, "num_random_blocks": 1, "attention_type": "original_full"},
}

FAMILIES = [
    "bert",
    "roberta",
    "xlm-roberta",
    "distilbert",
    "albert",
    "electra",
    "deberta-v2",
    "modernbert",
    "longformer",
    "big_bird",
    "eurobert",
]
"""The families that the package promises to work with."""

MORE_FAMILIES = ["camembert", "deberta", "mpnet"]
"""Families that come for free beside them."""


def tiny_config(model_type: str, num_labels: int = 3, multi_label: bool = False) -> PreTrainedConfig:
    """A config with 3 layers of width 32."""
    config = AutoConfig.for_model(model_type, **{**_SIZES, **_SPECIAL.get(model_type, {})})
    config.num_labels = num_labels
    config.problem_type = "multi_label_classification" if multi_label else "single_label_classification"
    return config


def tiny_model(
    model_type: str, num_labels: int = 3, multi_label: bool = False, seed: int = 0, scale: float = 8.0
) -> PreTrainedModel:
    """A random classifier in evaluation mode.

    Weights are `scale` times wider than at initialisation: with the usual 0.02 layers of width 32 hardly do anything,
    and a test of what they do would see nothing.
    """
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_config(tiny_config(model_type, num_labels, multi_label))
    return _widen(model, scale).eval()


def tiny_checkpoint(model_type: str, folder: Path, seed: int = 0, scale: float = 8.0) -> Path:
    """Save a bare encoder, as masked-LM training leaves it: no head, no pooler. Returns the folder."""
    torch.manual_seed(seed)
    model = _widen(AutoModel.from_config(tiny_config(model_type)), scale)
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("pooler.")}
    model.save_pretrained(folder, state_dict=state)
    return folder


def random_rows(
    count: int, num_labels: int = 3, multi_label: bool = False, seed: int = 0, longest: int = 24
) -> Dataset:
    """Encoded rows of random tokens in many lengths, the columns that tasks make."""
    generator = torch.Generator().manual_seed(seed)
    rows: list[dict[str, Any]] = []
    for index in range(count):
        length = int(torch.randint(4, longest + 1, (), generator=generator))
        ids = torch.randint(5, VOCABULARY, (length,), generator=generator).tolist()
        if multi_label:
            labels: Any = torch.randint(0, 2, (num_labels,), generator=generator).float().tolist()
        else:
            labels = index % num_labels
        rows.append({"input_ids": ids, "attention_mask": [1] * length, "labels": labels, "length": length})
    return Dataset.from_list(rows)


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad rows to the longest."""
    width = max(len(row["input_ids"]) for row in rows)
    labels = torch.tensor([row["labels"] for row in rows])
    return {
        "input_ids": torch.tensor([row["input_ids"] + [PADDING] * (width - len(row["input_ids"])) for row in rows]),
        "attention_mask": torch.tensor([row["attention_mask"] + [0] * (width - len(row["input_ids"])) for row in rows]),
        "labels": labels,
    }


def collate_with_labels_or_without(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """The same for rows that may have no labels."""
    batch = collate([{"labels": 0, **row} for row in rows])
    return batch if "labels" in rows[0] else {key: value for key, value in batch.items() if key != "labels"}


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """One loss a row."""
    return nn.functional.cross_entropy(scores, labels, reduction="none")


def accuracy(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of rows whose largest logit is the label's."""
    return (scores.argmax(-1) == labels).float().mean().item()


def context(**changes: Any) -> Context:
    """What a method sees: 30 training rows and 20 validation rows, of 3 classes."""
    values: dict[str, Any] = {
        "train": random_rows(30, seed=1),
        "validation": random_rows(20, seed=2),
        "collate": collate,
        "loss": cross_entropy,
        "score": accuracy,
        "batch_tokens": 200,
    }
    return Context(**{**values, **changes})


def inputs() -> dict[str, torch.Tensor]:
    """A batch of 6 rows with labels."""
    return collate(list(random_rows(6, seed=3)))


@torch.no_grad()
def logits(model: nn.Module) -> torch.Tensor:
    """A model's logits on `inputs`, in evaluation mode."""
    batch = inputs()
    batch.pop("labels")
    return model.eval()(**batch).logits


def _widen(model: PreTrainedModel, scale: float) -> PreTrainedModel:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and "embedding" not in name and "embed_tokens" not in name:
                parameter.mul_(scale)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)
    return model
