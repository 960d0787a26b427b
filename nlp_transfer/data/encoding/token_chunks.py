"""Encode whole texts as chunks: a text longer than a row continues in the next row, and nothing is truncated.

Every row holds tokens of one text, so that texts do not attend to each other. Short rows cost no padding: the layers of
most families compute real tokens only (models/speed/unpadding.py).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from datasets import Dataset, List, Value

from nlp_transfer.data.encoding.tokens import map_to_cache, rows_digest, tokenizer_digest
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_WORD = -1
"""Word number of a special token."""


def encode_token_chunks(
    dataset: Dataset,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int,
    fingerprint: str,
    keep: tuple[str, ...] = (),
) -> Dataset:
    """Encode the texts of one split as chunks.

    Args:
        tokenizer: a fast one.
        max_length: maximum number of tokens of a row, with special tokens.
        keep: further columns, repeated for each row of a text.

    Returns:
        Rows in the texts' order: `id` (the text's, with `#2`, `#3`, … for further rows), the columns of `keep`,
        `input_ids`, `words` (word number of each token in its text, `NO_WORD` for special tokens), and `length`.
    """
    settings = ["pieces", max_length, fingerprint, tokenizer_digest(tokenizer)]
    key = cache_key(rows_digest(dataset, ["id", *keep]), settings)
    features = {"id": Value("string"), **{column: dataset.features[column] for column in keep}}
    features |= {"input_ids": List(Value("int32")), "words": List(Value("int32")), "length": Value("int32")}
    encode = partial(_encode_batch, tokenizer=tokenizer, max_length=max_length, keep=keep)
    return map_to_cache(key, dataset.select_columns(["id", "text", *keep]), encode, features, tokenizer)


def _encode_batch(
    batch: dict[str, list[Any]], *, tokenizer: "PreTrainedTokenizerBase", max_length: int, keep: tuple[str, ...]
) -> dict[str, list[Any]]:
    """Encode one batch of texts."""
    encoded = tokenizer(
        batch["text"],
        truncation=True,
        max_length=max_length,
        return_overflowing_tokens=True,
        return_token_type_ids=False,
        verbose=False,
    )
    texts = encoded["overflow_to_sample_mapping"]
    words = [[NO_WORD if word is None else word for word in encoded.word_ids(row)] for row in range(len(texts))]
    ids: list[str] = []
    number = 1
    for row, text in enumerate(texts):
        number = 1 if row == 0 or texts[row - 1] != text else number + 1
        ids.append(batch["id"][text] if number == 1 else f"{batch['id'][text]}#{number}")
    kept = {column: [batch[column][text] for text in texts] for column in keep}
    return {"id": ids, **kept, "input_ids": encoded["input_ids"], "words": words, "length": [len(w) for w in words]}
