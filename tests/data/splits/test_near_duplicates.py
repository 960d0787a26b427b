"""Groups of texts that are alike, against similarities worked out by hand and by brute force."""

import itertools
import random

import numpy as np
import pytest

from nlp_transfer.data.splits.near_duplicates import PERMUTATIONS, band_rows, jaccard, near_duplicate_groups, shingles


def groups(texts: list[str], similarity: float = 0.6) -> list[int]:
    return near_duplicate_groups(texts, len(texts), similarity).tolist()


def test_shingles_are_the_distinct_runs_of_five_words() -> None:
    assert len(shingles("one two three four five six")) == 2
    assert len(shingles("a b c d e a b c d e")) == 5  # abcde bcdea cdeab deabc eabcd, the first of them twice
    assert shingles("Words, COUNT: not case! here").tolist() == shingles("words count not case here").tolist()
    assert shingles("a b c d e").tolist() != shingles("a b c e d").tolist()


def test_short_texts_are_one_shingle() -> None:
    assert len(shingles("too short")) == 1
    assert shingles("Too  short!").tolist() == shingles("too short").tolist()
    assert shingles("!!!").tolist() != shingles("???").tolist()


def test_jaccard_by_hand() -> None:
    # 10 words have 6 shingles; a changed last word leaves 5 of them: 5 / (6 + 6 - 5).
    first = shingles("a b c d e f g h i j")
    assert jaccard(first, shingles("a b c d e f g h i x")) == pytest.approx(5 / 7)
    assert jaccard(first, first) == 1.0
    assert jaccard(first, shingles("k l m n o p q")) == 0.0


def test_the_threshold_decides() -> None:
    texts = ["a b c d e f g h i j", "a b c d e f g h i x", "entirely different words stand in this one"]
    assert groups(texts, 0.7) == [0, 0, 1]
    assert groups(texts, 5 / 7) == [0, 0, 1]
    assert groups(texts, 0.72) == [0, 1, 2]


def test_groups_join_over_others() -> None:
    words = [f"w{n}" for n in range(60)]
    texts = [" ".join(words[start : start + 40]) for start in (0, 8, 16)]
    first, second, third = map(shingles, texts)
    assert jaccard(first, second) == pytest.approx(28 / 44) and jaccard(first, third) == pytest.approx(20 / 52)
    assert groups(texts) == [0, 0, 0]
    assert groups([texts[0], texts[2]]) == [0, 1]


def test_bands_find_nearly_all_pairs() -> None:
    for similarity in (0.3, 0.5, 0.6, 0.8, 0.95):
        rows = band_rows(similarity)
        assert (1 - similarity**rows) ** (PERMUTATIONS // rows) <= 1e-4
    assert band_rows(0.6) == 3 and band_rows(1.0) == 16 and band_rows(0.01) == 1


def test_against_brute_force() -> None:
    draw = random.Random(0)
    texts = []
    for _ in range(40):
        base = [f"w{draw.randrange(300)}" for _ in range(60)]
        for _ in range(4):
            copy = list(base)
            for _ in range(draw.randrange(8)):
                copy[draw.randrange(60)] = f"x{draw.randrange(1000)}"
            texts.append(" ".join(copy))
    sets = [shingles(text) for text in texts]
    wanted = list(range(len(texts)))
    for first, second in itertools.combinations(range(len(texts)), 2):
        if jaccard(sets[first], sets[second]) >= 0.6 and wanted[first] != wanted[second]:
            old, new = wanted[second], wanted[first]
            wanted = [new if group == old else group for group in wanted]
    found = np.array(groups(texts))
    wanted_ids = np.unique(wanted, return_inverse=True)[1]
    assert len(set(found)) == len(set(wanted)) > 40
    assert len(set(zip(found.tolist(), wanted_ids.tolist(), strict=True))) == len(set(found))


def test_many_copies_and_none() -> None:
    assert groups(["the very same text again"] * 300) == [0] * 300
    assert groups([]) == []


def test_numbers_of_groups_stay_what_they_were() -> None:
    """Splits are drawn by them: with others the same corpus and seed would be split otherwise."""
    draw = random.Random(5)
    words = [f"w{i}" for i in range(200)]
    base = [[draw.choice(words) for _ in range(60)] for _ in range(4)]
    texts = []
    for _ in range(14):
        text = list(base[draw.randrange(4)])
        for _ in range(draw.randrange(3)):
            text[draw.randrange(60)] = draw.choice(words)
        texts.append(" ".join(text))
    assert groups(texts) == [3, 0, 1, 0, 2, 1, 3, 1, 1, 1, 0, 1, 3, 3]
