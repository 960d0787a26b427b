"""BERTScore: each word piece is matched with the one of the other text whose state in an encoder is most like its own.

    recall = mean over pieces of the reference of the highest cosine    precision: over those of the summary
    F1 = their harmonic mean

By the package `bert-score`, with an encoder from a folder: nothing is fetched. States are those of the layer at three
quarters of its depth, about where those stand that the authors chose for BERT and RoBERTa; special tokens can be
matched with and do not count, and scores are not rescaled. They compare systems that were scored with one encoder, and
nothing else.
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
"""The name of the metric."""

PACKAGE = "bert_score"

DEPTH = 0.75
"""Share of the encoder's layers below the states that are compared."""


def bert_scores(summaries: Sequence[str], references: Sequence[str], folder: Path) -> list[float]:
    """F1 of each pair; 0 where one side has no word.

    Args:
        summaries: texts; what is longer than the encoder reads is cut.
        references: as many.
        folder: of an encoder with its tokenizer, which was looked at before (`model_folder`).

    Raises:
        ConfigError: the package is missing.
        DataError: nothing to score.
        ValueError: not as many summaries as references.
    """
    try:
        from bert_score.utils import bert_cos_score_idf
    except ImportError as error:
        raise missing_package() from error
    if not len(summaries):
        raise DataError("Nothing to score: BERTScore needs at least one summary and its reference; is the split empty?")
    if len(summaries) != len(references):
        raise ValueError(f"Got {len(summaries)} summaries for {len(references)} references; they must be as many.")
    found = [0.0] * len(summaries)
    places = [i for i, pair in enumerate(zip(summaries, references, strict=True)) if all(map(plain_words, pair))]
    if not places:
        return found
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
        found[place] = score
    return found


def missing_package() -> ConfigError:
    """Return the error where the package is not there."""
    return ConfigError(
        'BERTScore needs the package bert-score, which is not here: pip install "nlp-transfer[bertscore]".'
    )


def _encoder(folder: Path) -> tuple[Any, Any, int]:
    """Return the lower layers of an encoder, its tokenizer, and how many tokens it reads."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    from transformers.utils import logging

    config = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = max(1, round(DEPTH * config.num_hidden_layers))
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # the upper layers are left out on purpose
    try:
        model = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32, use_safetensors=True)
    finally:
        logging.set_verbosity(verbosity)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet") else 0
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder), config.max_position_embeddings - offset
