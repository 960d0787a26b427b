"""Tokenize words as ROUGE does, but in any script; each Chinese or Japanese character is a word."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

_WIDE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WIDE_WORD = re.compile(rf"[{_WIDE}]")
_WORD = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+")

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")
"""Kinds of ROUGE, as `evaluate` names them."""

_MAX_UNSTEMMED_CHARACTERS = 3  # maximum length of a word that is not stemmed


def plain_words(text: str) -> list[str]:
    """Return the lower-case words of a text.

    Example:
        >>> plain_words("The fees are due.")
        ['the', 'fees', 'are', 'due']
    """
    return _WORD.findall(text.lower())


def word_matches(text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of words."""
    return _WORD.finditer(text)


def rouge_words(text: str) -> list[str]:
    """Return the lower-case words of a text, English ones of more than three letters by their Porter stem.

    Example:
        >>> rouge_words("The fees are due.")
        ['the', 'fee', 'are', 'due']
    """
    return [_stem(word) for word in plain_words(text)]


def repeated_runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of three words, or of six characters where characters are words."""
    words = plain_words(text)
    wide = sum(bool(_WIDE_WORD.fullmatch(word)) for word in words)
    return set(ngrams(words, 6 if 2 * wide > len(words) else 3))


def concatenate_sentences(sentences: Iterable[str]) -> str:
    r"""Join sentences to one text; no space stands between Chinese or Japanese ones.

    Example:
        >>> concatenate_sentences(["One.", "Two  lines."])
        'One. Two lines.'
    """
    text = ""
    for sentence in sentences:
        line = " ".join(sentence.split())
        apart = "" if not text or _is_wide(text[-1]) or _is_wide(line[:1]) else " "
        text += apart + line
    return text


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in ("W", "F")


def ngrams(words: list[str], n: int) -> list[tuple[str, ...]]:
    """Return all runs of n words.

    Example:
        >>> ngrams(["a", "b", "c"], 2)
        [('a', 'b'), ('b', 'c')]
    """
    return list(zip(*(words[i:] for i in range(n)), strict=False))


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    if len(word) <= _MAX_UNSTEMMED_CHARACTERS or not word.isascii():
        return word
    return str(_stemmer().stem(word))


@lru_cache(maxsize=1)
def _stemmer():  # type: ignore[no-untyped-def]  # nltk has no types
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()
