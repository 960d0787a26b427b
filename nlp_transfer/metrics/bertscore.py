"""BERTScore, by the package `bert-score` with an encoder from a local folder.

States are those of the layer at three quarters of its depth, close to the layers that the authors selected. Special
tokens have no weight, and scores are not rescaled: they compare only systems that were scored with the same encoder.
Reference: Zhang et al. (2020), https://arxiv.org/abs/1904.09675
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.tokenization import plain_words

BERTSCORE = "bertscore"
"""Name of the metric."""

PACKAGE = "bert_score"
_DEPTH = 0.75  # share of the encoder's layers below the compared states


def bert_scores(summaries: Sequence[str], references: Sequence[str], folder: Path) -> list[float]:
    """Return the F1 of each pair, 0 where one side has no word; long texts are truncated to the encoder's input."""
    try:
        from bert_score.utils import bert_cos_score_idf
    except ImportError as error:
        raise missing_package_error() from error
    if not len(summaries):
        raise DataError("Nothing to score: BERTScore needs at least one summary and its reference; is the split empty?")
    f1 = [0.0] * len(summaries)
    places = [i for i, pair in enumerate(zip(summaries, references, strict=True)) if all(map(plain_words, pair))]
    if not places:
        return f1
    model, tokenizer, positions = _encoder(folder)
    kept, tokenizer.model_max_length = tokenizer.model_max_length, min(tokenizer.model_max_length, positions)
    weights: dict[int, float] = defaultdict(lambda: 1.0, dict.fromkeys(tokenizer.all_special_ids, 0.0))
    try:
        scores = bert_cos_score_idf(
            model,
            [references[i] for i in places],
            [summaries[i] for i in places],
            tokenizer,
            weights,
            device=str(model.device),
        )
    finally:
        tokenizer.model_max_length = kept
    for place, score in zip(places, scores[:, 2].tolist(), strict=True):
        f1[place] = score
    return f1


def missing_package_error() -> ConfigError:
    """Return the error for a missing bert-score package."""
    return ConfigError('The package bert-score is not here: pip install "nlp-transfer[bertscore]".')


def _encoder(folder: Path) -> tuple[Any, Any, int]:
    """Return the lower layers of an encoder, its tokenizer and its maximum number of tokens."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    from transformers.utils import logging

    config = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = max(1, round(_DEPTH * config.num_hidden_layers))
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # the upper layers are left out on purpose
    try:
        model = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32, use_safetensors=True)
    finally:
        logging.set_verbosity(verbosity)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet") else 0
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder), config.max_position_embeddings - offset
