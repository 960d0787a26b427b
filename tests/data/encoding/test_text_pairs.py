"""The second text of a pair is read whole beside each window of the first, as tokenizers join two texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from nlp_transfer.data.encoding.text_pairs import LEAST_TOKENS, LongSecondText, PairEncoder
from nlp_transfer.errors import ConfigError
from tests.data.encoding.test_tokens import make_tokenizer

PAIRS = [("w1 w2 w3", "w4"), ("", "w5 w6"), (" ".join(f"w{i}" for i in range(40)), "w7 w8 w9")]


def tokenizer_of(pair: str, inputs: tuple[str, ...] = ("input_ids", "token_type_ids")) -> PreTrainedTokenizerFast:
    words = ["[UNK]", "[PAD]", "<s>", "</s>", *(f"w{i}" for i in range(40))]
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    made = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")
    made.model_input_names = list(inputs)
    return made


BERT = "<s> $A </s> $B:1 </s>:1"
ROBERTA = "<s> $A </s> </s> $B </s>"
XLNET = "$A </s> $B:1 </s>:1 <s>:2"


@pytest.mark.parametrize("template", [BERT, ROBERTA, XLNET])
def test_a_pair_that_is_cut_is_what_the_tokenizer_makes_of_it(template: str) -> None:
    tokenizer = tokenizer_of(template)
    expected = tokenizer(*map(list, zip(*PAIRS, strict=True)), truncation="only_first", max_length=16)
    made = PairEncoder(tokenizer, 16, truncates=True).columns(PAIRS)
    assert made["input_ids"] == expected["input_ids"]
    assert made["token_type_ids"] == expected["token_type_ids"]
    assert made["text_length"] == [len(tokenizer(*pair)["input_ids"]) for pair in PAIRS]
    assert made["read"] == [len(ids) for ids in expected["input_ids"]]
    assert "window_ids" not in made


def test_windows_by_hand() -> None:
    encoder = PairEncoder(tokenizer_of(BERT), 12, overlap=2)  # 12 - 3 special tokens - 1 of the second text: 8
    made = encoder.columns([(" ".join(f"w{i}" for i in range(12)), "w20")])
    windows = [[2, 4, 5, 6, 7, 8, 9, 10, 11, 3, 24, 3], [2, 10, 11, 12, 13, 14, 15, 3, 24, 3]]
    assert made["input_ids"] == [windows[0] + windows[1]]
    assert made["token_type_ids"] == [[0] * 10 + [1, 1] + [0] * 8 + [1, 1]]
    # What both windows have counts in the first.
    assert made["window_ids"] == [[-1, *[1] * 8, -1, -1, -1, -2, -2, -2, *[2] * 4, -2, -2, -2]]
    assert (made["text_length"], made["read"]) == ([16], [16])


@given(st.integers(0, 60), st.integers(1, 8), st.integers(20, 40), st.integers(0, 12), st.sampled_from([None, 1, 2, 3]))
def test_the_second_text_is_whole_in_each_window(
    first: int, second: int, max_length: int, overlap: int, most: int | None
) -> None:
    tokenizer = tokenizer_of(ROBERTA)
    pair = (" ".join(f"w{i % 30}" for i in range(first)), " ".join(f"w{30 + i % 10}" for i in range(second)))
    made = {
        name: values[0] for name, values in PairEncoder(tokenizer, max_length, overlap, most).columns([pair]).items()
    }
    own = tokenizer(pair[1], add_special_tokens=False)["input_ids"]
    numbers = [abs(number) for number in made["window_ids"]]
    for number in range(1, max(numbers) + 1):
        window = [token for token, of in zip(made["input_ids"], numbers, strict=True) if of == number]
        assert window[-len(own) - 1 : -1] == own
        assert len(window) <= max_length
    counted = [token for token, of in zip(made["input_ids"], made["window_ids"], strict=True) if of > 0]
    whole = tokenizer(pair[0], add_special_tokens=False)["input_ids"]
    assert made["read"] == len(counted) + len(own) + 4
    if most is None:
        assert counted == whole
    else:
        assert max(numbers) <= most


def test_encoders_without_types_get_none() -> None:
    assert "token_type_ids" not in PairEncoder(tokenizer_of(ROBERTA, ("input_ids",)), 16).columns(PAIRS)


def test_a_second_text_that_leaves_no_room_is_named_by_its_place() -> None:
    encoder = PairEncoder(tokenizer_of(BERT), 16)
    long = " ".join(f"w{i}" for i in range(6))
    with pytest.raises(LongSecondText, match=r"the second text has 6 tokens, and is never cut: of max_length 16") as it:
        encoder.columns([PAIRS[0], (PAIRS[2][0], long)])
    assert it.value.place == 1
    assert encoder.problem(long) == str(it.value)
    assert encoder.problem("w1 " * (16 - 3 - LEAST_TOKENS)) is None
    # A first text that fits beside it is read all the same.
    assert encoder.columns([("w1 w2", long)])["read"] == [11]


def test_a_tokenizer_that_parts_no_texts_is_refused() -> None:
    made: Any = make_tokenizer()
    with pytest.raises(ConfigError, match=r"^model: its tokenizer puts no token between two texts"):
        PairEncoder(made, 16).columns([("w1", "w2")])
