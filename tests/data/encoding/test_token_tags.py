"""Characters become tags of tokens and come back; each token counts in one window."""

import random

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from nlp_transfer.data.encoding.token_characters import TOKENS, UNITS, token_characters
from nlp_transfer.data.encoding.token_tags import (
    encode_tagged,
    tag_names,
    tagged_places,
    tagged_runs,
    tags_of,
    tokenized,
)
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.data.validation.spans import trimmed

WORDS = ["cafe\u0301", "naïve", "👩‍⚕️", "😀", "a\u200bb", "mg", "10", "(", "x-ray", "ﬁn", "日本", "e\u0301\u0323", "§", "\u00adsoft"]  # fmt: skip
GAPS = [" ", "\r\n", "\t", "\u00a0", "  ", "\n\n"]


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that cleans text as BERT's does, and knows a few pieces of words."""
    pieces = [
        "[UNK]",
        "[PAD]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "cafe",
        "nai",
        "##ve",
        "a",
        "##b",
        "x",
        "-",
        "ray",
        "mg",
        "(",
        "10",
    ]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of single bytes, as RoBERTa's falls back to."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {one: i for i, one in enumerate(["<pad>", "<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", cls_token="<s>", sep_token="</s>")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("make", [bert_tokenizer, byte_tokenizer])
def test_ten_thousand_sets_of_entities_come_back(make, unit):
    tokenizer, generator = make(), random.Random(0)
    texts, marked = [], []
    for _ in range(5_000):
        text, spans = "", []
        for _ in range(generator.randint(1, 8)):
            start = len(text)
            text += generator.choice(GAPS).join(generator.choices(WORDS, k=generator.randint(1, 3)))
            if generator.random() < 0.6:
                spans.append((*trimmed(text, start, len(text)), generator.randrange(3)))
            text += generator.choice(GAPS)
        texts.append(text)
        marked.append([span for span in spans if span[0] < span[1]])
    for text, spans, offsets in zip(texts, marked, tokenized(texts, tokenizer)[1], strict=True):
        characters = [one for one in token_characters(text, offsets, unit) if one[1]]
        starts, ends, classes = zip(*spans, strict=True) if spans else ((), (), ())
        tags, inexact = tags_of(characters, starts, ends, classes)
        assert inexact == 0
        back = [(characters[a][0], max(end for _, end in characters[a:b]), label) for a, b, label in tagged_runs(tags)]
        assert back == spans, repr(text)


def test_an_entity_inside_a_token_is_counted_and_tagged_by_the_token():
    characters = token_characters("paracetamol 500mg", [(0, 11), (12, 17)], TOKENS)
    assert tags_of(characters, [0, 15], [4, 17], [0, 1]) == ([1, 3], 2)
    # Two entities in one token: the first has it, and the second has none.
    assert tags_of([(0, 5)], [0, 3], [2, 5], [0, 1]) == ([1], 2)
    # Nothing of the text is a token, such as a character that the tokenizer drops.
    assert tags_of([(0, 0)], [0], [1], [0]) == ([0], 1)


def test_neighbours_of_one_class_stay_apart():
    tags, _ = tags_of([(0, 1), (1, 2), (2, 3)], [0, 1], [1, 3], [0, 0])
    assert tags == [1, 1, 2]
    assert list(tagged_runs(tags)) == [(0, 1, 0), (1, 3, 0)]
    assert tag_names(["A", "B"]) == ["O", "B-A", "I-A", "B-B", "I-B"]


def rows(texts, labels=None, starts=None, ends=None):
    columns = {"id": [f"t{i}" for i in range(len(texts))], "text": texts}
    features = {"id": Value("string"), "text": Value("string")}
    if labels is not None:
        columns |= {"labels": labels, "span_starts": starts, "span_ends": ends}
        features |= {"labels": Sequence(ClassLabel(names=["A"]))}
        features |= {name: Sequence(Value("int32")) for name in ("span_starts", "span_ends")}
    return Dataset.from_dict(columns, features=Features(features))


@pytest.mark.parametrize(("max_length", "overlap"), [(10, 0), (10, 4), (64, 8)])
def test_each_token_counts_in_one_window_with_the_tag_of_the_whole_text(max_length, overlap):
    tokenizer = bert_tokenizer()
    text = " ".join(["mg", "10", "("] * 9)
    encoded = encode_tagged(
        rows([text, "mg"], [[0], []], [[3], []], [[len(text) - 5], []]),
        tokenizer,
        max_length=max_length,
        overlap=overlap,
        unit=TOKENS,
        fingerprint=f"{max_length}-{overlap}",
    )
    own = [row for row in encoded if row["document"] == 0]
    assert [row["id"] for row in own][:2] == (["t0", "t0#2"] if max_length < 20 else ["t0"])
    assert all(row["length"] == len(row["input_ids"]) == len(row["labels"]) <= max_length for row in own)
    tags, places = [], []
    for row in own:
        counted = tagged_places(row)
        assert counted == list(range(row["counts_from"], row["counts_to"]))
        tags += [row["labels"][place] for place in counted]
        places += [(row["starts"][place], row["ends"][place]) for place in counted]
        rest = np.delete(row["labels"], counted)
        assert (rest == IGNORE_INDEX).all()
    assert places == token_characters(text, tokenized([text], tokenizer)[1][0], TOKENS)
    assert tags == tags_of(places, [3], [len(text) - 5], [0])[0]
    assert tags.count(1) == 1  # an entity over several windows begins once
    assert (own[0]["text"], own[0]["span_starts"], own[0]["classes"]) == (text, [3], [0])
    assert all(row["text"] == "" and row["span_starts"] == [] for row in own[1:])


def test_texts_without_entities_have_no_tags():
    encoded = encode_tagged(
        rows(["mg 10"]), bert_tokenizer(), max_length=8, overlap=2, unit=TOKENS, fingerprint="plain"
    )
    assert "labels" not in encoded.column_names
    assert (encoded["starts"][0], encoded["ends"][0]) == ([0, 3], [2, 5])


def test_words_have_one_tag_and_their_other_tokens_none():
    tokenizer = bert_tokenizer()
    dataset = rows(["naive ab mg"], [[0]], [[6]], [[8]])
    (row,) = encode_tagged(dataset, tokenizer, max_length=16, overlap=2, unit="words", fingerprint="words")
    pieces = ["nai", "##ve", "a", "##b", "mg"]
    assert tokenizer.convert_ids_to_tokens(row["input_ids"]) == pieces
    assert row["labels"] == [0, IGNORE_INDEX, 1, IGNORE_INDEX, 0]
    assert [(row["starts"][place], row["ends"][place]) for place in tagged_places(row)] == [(0, 5), (6, 8), (9, 11)]
