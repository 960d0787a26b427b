"""Classify documents in a transformers pipeline as a model of this package was trained to read them."""

from typing import Any

import torch
from transformers import TextClassificationPipeline

from nlp_transfer.models.activation_cache.window_rows import TYPES, WINDOW_IDS
from nlp_transfer.tasks.reading.long_documents import LongDocuments
from nlp_transfer.tasks.saved_folder import CONFIG_KEY

TASK = "text-classification"


class DocumentClassificationPipeline(TextClassificationPipeline):
    """Classify texts, or pairs of them, of any length: in windows, or cut at the length of the training.

    Options of the tokenizer, such as `truncation=True`, which reads the first tokens only, pairs given to a model of
    texts, and models of other packages are read as by transformers.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        record = getattr(self.model.config, CONFIG_KEY, {})
        self.reading = LongDocuments.from_record(record, record["max_length"]) if "max_length" in record else None
        if self.reading is not None:
            self.reading.prepare(self.model)

    def preprocess(self, inputs: Any, **tokenizer_kwargs: Any) -> dict[str, Any]:  # type: ignore[override]  # as its base
        """Return the tokens of one text, shape (1, tokens), with the numbers of their windows."""
        pairs = self.reading is not None and self.reading.pairs
        if isinstance(inputs, dict) and inputs.keys() == ({"text", "text_pair"} if pairs else {"text"}):
            inputs = (inputs["text"], inputs["text_pair"]) if pairs else inputs["text"]
        if pairs and not isinstance(inputs, tuple) and not (tokenizer_kwargs and isinstance(inputs, dict)):
            raise ValueError('This model reads pairs of texts; expected {"text": …, "text_pair": …}.')
        if self.reading is None or tokenizer_kwargs or not isinstance(inputs, tuple if pairs else str):
            read: dict[str, Any] = super().preprocess(inputs, **tokenizer_kwargs)
            return read
        assert self.tokenizer is not None, "the registry says that this task has one"
        encoded = self.reading.columns([inputs], self.tokenizer)
        columns = {name: torch.tensor(encoded[name]) for name in ("input_ids", WINDOW_IDS, TYPES) if name in encoded}
        return {**columns, "attention_mask": torch.ones_like(columns["input_ids"])}
