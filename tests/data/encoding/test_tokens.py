"""Tokens are those of the tokenizer, made once, and made anew where anything that decides them changes."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from nlp_transfer import corpus_from
from nlp_transfer.data.encoding import tokens
from nlp_transfer.data.encoding.document_windows import WindowEncoder
from nlp_transfer.data.encoding.tokens import encode_texts, multi_hot, tokenizer_digest
from nlp_transfer.errors import DataError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "three", "four"]


def make_tokenizer(words: list[str] = WORDS) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the tokenizer got."""
    calls: list[int] = []
    original = tokens._encode_batch

    def count(batch: dict[str, Any], **settings: Any) -> Any:
        calls.append(len(batch["text"]))
        return original(batch, **settings)

    monkeypatch.setattr(tokens, "_encode_batch", count)
    return calls


def dataset(label: str | None = "label") -> Dataset:
    rows = [("one two", "x"), ("one two three four", "y"), ("four five", "x")]
    table = Dataset.from_dict(
        {"text": [text for text, _ in rows], "id": ["p", "q", "r"], "label": [name for _, name in rows]}
    )
    if label == "labels":
        table = table.remove_columns("label").add_column("labels", [["x"], ["x", "y"], []])
    corpus = corpus_from({"test": table if label else table.remove_columns("label")}, label_names=["x", "y"])
    return corpus.splits["test"]


def test_columns_and_values() -> None:
    encoded = encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")
    assert encoded[:] == {
        "id": ["p", "q", "r"],
        "input_ids": [[2, 4, 5, 3], [2, 4, 5, 6, 3], [2, 7, 1, 3]],
        "attention_mask": [[1] * 4, [1] * 5, [1] * 4],
        "length": [4, 5, 4],
        "text_length": [4, 6, 4],
        "read": [4, 5, 4],
        "truncated": [False, True, False],
        "labels": [0, 1, 0],
    }


def test_long_texts_in_windows() -> None:
    tokenizer = make_tokenizer()
    encoded = encode_texts(
        dataset(), tokenizer, max_length=5, fingerprint="f", windows=WindowEncoder(tokenizer, 5, 0, max_windows=1)
    )
    assert encoded["input_ids"][:] == [[2, 4, 5, 3], [2, 4, 5, 6, 3], [2, 7, 1, 3]]
    assert encoded["window_ids"][:] == [[-1, 1, 1, -1], [-1, 1, 1, 1, -1], [-1, 1, 1, -1]]
    assert encoded["read"][:] == [4, 5, 4]
    assert encoded["text_length"][:] == [4, 6, 4]
    assert encoded["truncated"][:] == [False, True, False]
    every = encode_texts(dataset(), tokenizer, max_length=5, fingerprint="f", windows=WindowEncoder(tokenizer, 5, 0))
    assert every["input_ids"][1] == [2, 4, 5, 3, 2, 6, 7, 3]
    assert every["window_ids"][1] == [-1, 1, 1, -1, -2, 2, 2, -2]
    assert every["length"][:] == [4, 8, 4]


def test_multi_hot_labels() -> None:
    encoded = encode_texts(dataset("labels"), make_tokenizer(), max_length=8, fingerprint="f")
    assert encoded["labels"][:] == [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    assert multi_hot([2, 2], 3) == [0.0, 0.0, 1.0]


def test_without_labels_and_with_further_columns() -> None:
    encoded = encode_texts(dataset(None), make_tokenizer(), max_length=8, fingerprint="f", keep=("text",))
    made = ["id", "text", "input_ids", "attention_mask", "length", "text_length", "read", "truncated"]
    assert encoded.column_names == made
    assert encoded["text"][0] == "one two"
    with pytest.raises(DataError, match="There is no column 'kind' to keep; columns: id, text"):
        encode_texts(dataset(None), make_tokenizer(), max_length=8, fingerprint="f", keep=("kind",))


def test_the_second_call_reads_the_cache(counted: list[int]) -> None:
    tokenizer = make_tokenizer()
    first = encode_texts(dataset(), tokenizer, max_length=5, fingerprint="f")
    second = encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")
    assert counted == [3]
    assert second[:] == first[:] and second._fingerprint and second.cache_files == first.cache_files


def test_whatever_decides_the_tokens_is_in_the_key(counted: list[int]) -> None:
    encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")
    encode_texts(dataset(), make_tokenizer(), max_length=4, fingerprint="f")
    encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="g")
    encode_texts(dataset().select([0, 2]), make_tokenizer(), max_length=5, fingerprint="f")
    encode_texts(dataset("labels"), make_tokenizer(), max_length=5, fingerprint="f")
    encode_texts(dataset(), make_tokenizer([*WORDS, "five"]), max_length=5, fingerprint="f")
    encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f", keep=("text",))
    assert counted == [3, 3, 3, 2, 3, 3, 3]


def test_only_the_owner_may_read_the_tokens(own_cache: Path) -> None:
    encode_texts(dataset(), make_tokenizer(), max_length=4, fingerprint="f")
    (file,) = (own_cache / "tokens").glob("*.arrow")
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o700, 0o600]


def test_a_damaged_cache_is_rebuilt(counted: list[int], own_cache: Path) -> None:
    wanted = encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")[:]
    (file,) = own_cache.glob("tokens/*.arrow")
    content = file.read_bytes()
    for damage in (content[: len(content) // 2], b"", b"garbage" * 100):
        file.unlink()
        file.write_bytes(damage)
        assert encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")[:] == wanted
    assert counted == [3] * 4
    assert set(own_cache.glob("tokens/*")) == {file, file.with_suffix(".json")}


def test_the_identity_forgets_what_the_last_call_left_behind() -> None:
    tokenizer = make_tokenizer()
    before = tokenizer_digest(tokenizer)
    tokenizer(["one two three"], truncation=True, max_length=4, padding="max_length")
    assert tokenizer_digest(tokenizer) == before
    tokenizer.truncation_side = "left"
    assert tokenizer_digest(tokenizer) != before


def test_encoded_rows_can_be_pickled() -> None:
    encoded = encode_texts(dataset(), make_tokenizer(), max_length=5, fingerprint="f")
    assert pickle.loads(pickle.dumps(encoded))[:] == encoded[:]


def test_a_tokenizer_is_saved_alike_whether_or_not_it_encoded(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    before = tokenizer.backend_tokenizer.to_str()
    encode_texts(dataset(), tokenizer, max_length=3, fingerprint="alike")
    assert tokenizer.backend_tokenizer.to_str() == before
