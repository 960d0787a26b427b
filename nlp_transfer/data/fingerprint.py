"""What a corpus is, in 64 hexadecimal digits, so that a report says which rows a number is about."""

import hashlib
import json

from datasets import Dataset

from nlp_transfer.data.validation.documents import SUMMARY_COLUMNS

BATCH = 1000
"""Part of the definition: rows are hashed in batches of this size."""


def corpus_fingerprint(splits: dict[str, Dataset], label_names: list[str]) -> str:
    """SHA-256 over the names of the classes and splits, and the ids, texts, labels and summaries in their order."""
    digest = hashlib.sha256(json.dumps(label_names).encode())
    for name, split in splits.items():
        columns = [
            column for column in ("id", "text", "label", "labels", *SUMMARY_COLUMNS) if column in split.column_names
        ]
        digest.update(json.dumps([name, columns, len(split)]).encode())
        for batch in split.select_columns(columns).iter(BATCH):
            digest.update(json.dumps([batch[column] for column in columns]).encode())
    return digest.hexdigest()
