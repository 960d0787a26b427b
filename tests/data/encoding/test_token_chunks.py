import pytest
from datasets import ClassLabel, Dataset
from transformers import AutoTokenizer

from nlp_transfer.data.encoding import token_chunks
from nlp_transfer.data.encoding.token_chunks import NO_WORD, encode_token_chunks
from tests.tiny_runs import tiny_encoder


def test_long_texts_go_on_in_further_rows_and_no_row_holds_two(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path))
    texts = {"a": "use copy modify the of", "b": "share", "c": "the of and software work you may"}
    dataset = Dataset.from_dict({"id": list(texts), "text": list(texts.values())})
    rows = encode_token_chunks(dataset, tokenizer, max_length=5, fingerprint="x")
    assert list(rows["id"]) == ["a", "a#2", "b", "c", "c#2", "c#3"]
    assert list(rows["length"]) == [5, 4, 3, 5, 5, 3]
    assert [tokenizer.decode(ids) for ids in rows["input_ids"]][:3] == [
        "[CLS] use copy modify [SEP]",
        "[CLS] the of [SEP]",
        "[CLS] share [SEP]",
    ]
    assert rows["words"][0] == [NO_WORD, 0, 1, 2, NO_WORD]
    assert rows["words"][1] == [NO_WORD, 3, 4, NO_WORD]
    again = encode_token_chunks(dataset, tokenizer, max_length=5, fingerprint="x")
    assert again.cache_files == rows.cache_files
    assert encode_token_chunks(dataset, tokenizer, max_length=9, fingerprint="x")["length"][0] == 7
    domains = dataset.add_column("domain", [1, 0, 1]).cast_column("domain", ClassLabel(names=["acts", "bills"]))
    kept = encode_token_chunks(domains, tokenizer, max_length=5, fingerprint="x", keep=("domain",))
    assert list(kept["domain"]) == [1, 1, 0, 1, 1, 1]
    assert kept.features["domain"].names == ["acts", "bills"]
    assert list(kept["input_ids"]) == list(rows["input_ids"])


def test_an_empty_split_has_no_rows(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path))
    one = Dataset.from_dict({"id": ["a"], "text": ["the"]})
    assert len(encode_token_chunks(one.select([]), tokenizer, max_length=5, fingerprint="none")) == 0


def test_chunks_come_from_the_cache_the_second_time(tmp_path, monkeypatch):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path))
    dataset = Dataset.from_dict({"id": ["a"], "text": ["use copy modify the of"]})
    first = encode_token_chunks(dataset, tokenizer, max_length=5, fingerprint="twice")
    monkeypatch.setattr(token_chunks, "_encode_batch", lambda *_, **__: pytest.fail("encoded again"))
    assert encode_token_chunks(dataset, tokenizer, max_length=5, fingerprint="twice")[:] == first[:]
