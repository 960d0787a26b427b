import numpy as np
import pytest
from transformers import AutoTokenizer

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.masking import MaskingCollator, TokenMasker
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from tests.tiny_runs import tiny_encoder

MASK = 4


def masks(probability=0.5, *, whole_words=True):
    return TokenMasker(MASK, np.arange(5, 30), probability, whole_words)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(tiny_encoder(tmp_path_factory.mktemp("encoder")))


def row(name="a", ids=(2, 5, 6, 7, 3), words=(-1, 0, 1, 1, -1), **more):
    return {"id": name, "input_ids": list(ids), "words": list(words), **more}


def test_words_are_asked_for_whole_and_special_tokens_never():
    ids, words = np.arange(100, 140), np.repeat(np.arange(10), 4)
    words[0] = words[-1] = -1
    seen_some = set()
    for seed in range(50):
        seen, labels = masks(0.3).draw(ids, words, np.random.default_rng(seed))
        asked = labels != IGNORE_INDEX
        assert not asked[0]
        assert not asked[-1]
        assert asked.any()
        assert (labels[asked] == ids[asked]).all()
        assert (seen[~asked] == ids[~asked]).all()
        for word in range(10):
            assert len(set(asked[words == word])) == 1
        seen_some |= set(words[asked])
    assert seen_some == set(range(10))


def test_the_shares_are_those_of_bert():
    ids = np.full(200_000, 7)
    words = np.arange(len(ids))
    seen, labels = masks(0.15).draw(ids, words, np.random.default_rng(0))
    asked = labels != IGNORE_INDEX
    assert asked.mean() == pytest.approx(0.15, abs=0.005)
    assert (seen[asked] == MASK).mean() == pytest.approx(0.8, abs=0.01)
    random = (seen[asked] != MASK) & (seen[asked] != 7)
    assert random.mean() == pytest.approx(0.1 * 24 / 25, abs=0.01)
    assert seen[asked].min() >= MASK


def test_single_tokens_where_words_do_not_count():
    ids, words = np.arange(100, 140), np.zeros(40, dtype=int)
    _, labels = masks(0.5, whole_words=False).draw(ids, words, np.random.default_rng(1))
    assert 5 < (labels != IGNORE_INDEX).sum() < 35
    _, whole = masks(0.5).draw(ids, words, np.random.default_rng(1))
    assert (whole != IGNORE_INDEX).all()


def test_one_word_is_asked_for_even_where_none_was_drawn():
    for seed in range(20):
        _, labels = masks(1e-9).draw(np.array([2, 5, 6, 3]), np.array([-1, 0, 1, -1]), np.random.default_rng(seed))
        assert (labels != IGNORE_INDEX).sum() == 1


def test_a_row_of_special_tokens_only_is_asked_nothing():
    seen, labels = masks().draw(np.array([2, 3]), np.array([-1, -1]), np.random.default_rng(0))
    assert seen.tolist() == [2, 3]
    assert labels.tolist() == [IGNORE_INDEX, IGNORE_INDEX]


def test_masks_follow_from_seed_epoch_and_row_not_from_the_batch(tokenizer):
    long = {"ids": [2, *range(5, 25), 3], "words": [-1, *range(20), -1]}
    rows = [row("a", **long), row("b", **long), row("c")]
    collate = MaskingCollator(PaddingCollator(tokenizer), masks(), seed=1)
    together = collate(rows)
    alone = collate(rows[:1])
    width = len(long["ids"])
    assert together["input_ids"][0, :width].tolist() == alone["input_ids"][0, :width].tolist()
    assert together["labels"][0, :width].tolist() == alone["labels"][0, :width].tolist()
    assert together["labels"][0].tolist() != together["labels"][1].tolist()  # the same text in another row
    assert (together["labels"][2][5:] == IGNORE_INDEX).all()
    collate.set_epoch(1)
    assert collate(rows)["labels"].tolist() != together["labels"].tolist()
    collate.set_epoch(0)
    assert collate(rows)["labels"].tolist() == together["labels"].tolist()
    other = MaskingCollator(PaddingCollator(tokenizer), masks(), seed=2)
    assert other(rows)["labels"].tolist() != together["labels"].tolist()


def test_held_out_rows_have_the_same_masks_in_every_epoch(tokenizer):
    rows = [row("a", [2, *range(5, 25), 3], [-1, *range(20), -1], held_out=True)]
    collate = MaskingCollator(PaddingCollator(tokenizer), masks(), seed=1)
    first = collate(rows)["labels"].tolist()
    collate.set_epoch(3)
    assert collate(rows)["labels"].tolist() == first


def test_masks_of_a_tokenizer_leave_out_special_tokens(tokenizer):
    made = TokenMasker.of(tokenizer, probability=0.2, whole_words=True)
    assert made.mask_id == tokenizer.mask_token_id
    assert not set(made.replacements) & set(tokenizer.all_special_ids)
    assert len(made.replacements) == len(tokenizer) - 5
