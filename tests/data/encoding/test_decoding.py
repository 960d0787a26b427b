"""Texts that WordPiece took apart are put together as English is written; others stay."""

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from nlp_transfer.data.encoding.decoding import clean_up_spacing, decode_texts


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ("the fee is $ 1, 000, 000. 50 ( 10 % ) .", "the fee is $1,000,000.50 (10%)."),
        ("under section 4. 2 ( a ) ( ii ) , 42 u. s. c. § 1983", "under section 4.2(a)(ii), 42 u.s.c. § 1983"),
        ("roe v. wade, 410 u. s. 113 ( 1973 )", "roe v. wade, 410 u.s. 113 (1973)"),
        ("non - compliance and / or don ' t", "non-compliance and/or don't"),
        ('an " event of default " ; see 3 - 5', 'an "event of default"; see 3-5'),
        ("five ( 5 ) days", "five (5) days"),
        ("in 2019, 300 people", "in 2019, 300 people"),
        ("12, 34 and 5, 000", "12, 34 and 5,000"),
        ("at 10 : 30", "at 10:30"),
        ("", ""),
    ],
)
def test_by_hand(apart, expected):
    assert clean_up_spacing(apart) == expected


def tokenizer(decoder):
    words = {"[PAD]": 0, "[END]": 1, "a": 2, "##b": 3, "(": 4, ")": 5, "c": 6}
    made = Tokenizer(models.WordPiece(words, unk_token="[PAD]"))
    made.decoder = decoder
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", eos_token="[END]")


def test_special_tokens_and_padding_are_left_out():
    made = tokenizer(decoders.WordPiece(prefix="##", cleanup=False))
    assert decode_texts([[2, 3, 4, 6, 5, 1, 0], [1, -100, -100], []], made) == ["ab (c)", "", ""]


def test_other_tokenizers_keep_their_spaces():
    assert decode_texts([[2, 4, 6, 5]], tokenizer(decoders.Fuse())) == ["a(c)"]
    spaced = tokenizer(decoders.Sequence([decoders.Replace("(", " ( "), decoders.Fuse()]))
    assert decode_texts([[2, 4, 6]], spaced) == ["a ( c"]
