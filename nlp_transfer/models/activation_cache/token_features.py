"""Compute the features of tagged tokens, on which a frozen encoder's heads are fitted."""

from collections.abc import Sequence

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedModel

from nlp_transfer.models.activation_cache.features import Collate, EncodedRows, run_batches
from nlp_transfer.models.heads.pooling import TOKEN, pooled_features

MAX_TAGGED_TOKENS = 100_000
"""Maximum number of tokens that heads are fitted on; of more, those of evenly spaced rows are taken."""


def limited_rows(dataset: Dataset) -> Dataset:
    """Return the rows if they have at most `MAX_TAGGED_TOKENS` tokens, else evenly spaced ones of them.

    Example:
        >>> rows = Dataset.from_dict({"length": [60_000, 60_000, 60_000, 60_000]})
        >>> len(limited_rows(rows))
        1
    """
    tokens = sum(dataset["length"])
    if tokens <= MAX_TAGGED_TOKENS:
        return dataset
    kept = max(1, len(dataset) * MAX_TAGGED_TOKENS // tokens)
    return dataset.select(np.linspace(0, len(dataset) - 1, kept).round().astype(int))


def token_features(
    model: PreTrainedModel, dataset: Dataset, *, collate: Collate, max_tokens: int, layers: Sequence[int]
) -> EncodedRows:
    """Return the features of each layer for every tagged token, in the order of the rows, from one pass.

    Args:
        dataset: encoded rows with `input_ids`, `length` and `labels`, negative for tokens without a tag.
    """
    parts: dict[int, list[np.ndarray]] = {layer: [np.empty(0)] * len(dataset) for layer in layers}
    labels = [torch.empty(0, dtype=torch.long)] * len(dataset)
    for rows, batch, output in run_batches(model, dataset, collate, max_tokens, output_hidden_states=True):
        tagged = batch["labels"] >= 0
        for layer in layers:
            with torch.no_grad():
                states = pooled_features(model, output.hidden_states, batch["attention_mask"], layer, TOKEN)
            for place, row in enumerate(rows):
                parts[layer][row] = states[place][tagged[place]].float().cpu().numpy()
        for place, row in enumerate(rows):
            labels[row] = batch["labels"][place][tagged[place]].cpu()
    features = {(layer, TOKEN): np.concatenate(of_layer) for layer, of_layer in parts.items()}
    return EncodedRows(features, torch.cat(labels), computed=len(layers))
