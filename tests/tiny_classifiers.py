"""A tokenizer of a hundred words, and saved tiny classifiers: what a run leaves, without a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from nlp_transfer.models.families import final_linear
from nlp_transfer.tasks import saved_models
from tests.tiny_models import PADDING, VOCABULARY, tiny_model

SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [f"w{index}" for index in range(VOCABULARY - len(SPECIAL))]
LABELS = ["red", "green", "blue"]
MAX_LENGTH = 16


def word_tokenizer() -> PreTrainedTokenizerFast:
    """Knows the words `w0`, `w1`, … and writes [CLS] … [SEP] around a text; [PAD] has the id that tiny models expect."""
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *WORDS])}
    assert vocabulary["[PAD]"] == PADDING
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def spread_model(model_type: str = "bert", num_labels: int = len(LABELS), multi_label: bool = False) -> PreTrainedModel:
    """A random model whose logits have mean 0 and spread 2 over texts, so that these get different classes."""
    model = tiny_model(model_type, num_labels, multi_label)
    _, head = final_linear(model)
    batch = word_tokenizer()(random_texts(50, seed=99), padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        head.bias.zero_()
        logits = model(**batch).logits
        head.weight.mul_(2 / logits.std(0)[:, None])
        head.bias.copy_(-2 * logits.mean(0) / logits.std(0))
    return model


def save_classifier(
    folder: Path,
    *,
    model_type: str = "bert",
    multi_label: bool = False,
    thresholds: dict[str, float] | None = None,
    max_length: int = MAX_LENGTH,
    labels: Sequence[str] = LABELS,
) -> Path:
    """Save a `spread_model` as a run saves it."""
    model = spread_model(model_type, len(labels), multi_label)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    saved_models.save(
        model,
        word_tokenizer(),
        folder,
        record={
            "task": "sequence_classification",
            "max_length": max_length,
            "thresholds": (thresholds or dict.fromkeys(labels, 0.5)) if multi_label else {},
        },
        cut_at=max_length,
    )
    return folder


def random_texts(count: int, seed: int = 0, longest: int = 30) -> list[str]:
    """Texts of 1 to `longest` words, some of them longer than `MAX_LENGTH` tokens."""
    generator = torch.Generator().manual_seed(seed)

    def draw(end: int, size: Any = ()) -> Any:
        return torch.randint(0, end, size, generator=generator).tolist()

    return [" ".join(WORDS[index] for index in draw(len(WORDS), (1 + draw(longest),))) for _ in range(count)]
