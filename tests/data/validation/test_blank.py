"""Texts that nobody sees count as empty, in corpora and in what is predicted, and others do not."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from nlp_transfer import CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.validation.blank import blank_mask, is_blank, visible_forms
from nlp_transfer.errors import DataError
from tests.data.conftest import toy_rows

INVISIBLE = [
    "",
    " \t\r\n",
    "\u00a0\u2003\u3000\u2028\u2029\x85",  # spaces and line ends
    "\u200b\u200c\u200d\u2060\ufeff\u00ad",  # zero width, byte order mark, soft hyphen
    "\u200e\u202a\u2066\u061c\u180e",  # directions of writing
    "\x00\x1b\x7f",  # controls
    "\u2800\u3164\uffa0\u115f\u034f",  # blanks and fillers that are no spaces by name
    "\ufe0f\U000e0101\U000e0041",  # variation selectors and tags
    "\u200b \n\ufeff" * 1000,
]
VISIBLE = [
    "a",
    "\u200ba\u200b",
    ".",
    "!?",
    "é",
    "e\u0301",
    "日",
    "ـ",
    "👍",
    "👩\u200d🔬",
    "\ue000",
    "\ufffd",
    " " * 9999 + "x",
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_nothing_visible_is_blank(text: str) -> None:
    assert is_blank(text) is True


@pytest.mark.parametrize("text", VISIBLE)
def test_one_visible_character_is_a_text(text: str) -> None:
    assert is_blank(text) is False


def test_what_is_missing_is_not_blank() -> None:
    assert blank_mask(pa.array(["a", None, "\u200b"])).to_pylist() == [False, False, True]
    assert blank_mask(pa.array([], pa.string())).to_pylist() == []


MESSAGE = "text is empty or has no visible character. Every row needs a text: mend or remove these rows"


def test_corpora_refuse_them(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    rows = toy_rows(12)
    for index, text in enumerate(INVISIBLE):
        rows[index]["text"] = text
    path = write_rows("rows.jsonl", rows)
    split = SplitConfig(method="stratified")
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(path), split=split))
    assert str(caught.value) == f"{path}: rows 1, 2, 3, 4, 5, 6, 7, 8 and 9: {MESSAGE}, or set source.drop_empty: true."
    with pytest.raises(DataError) as caught:
        corpus_from(pd.DataFrame([*toy_rows(2), {"text": "\u200b\ufeff", "label": "a"}]), split=split)
    assert str(caught.value) == f"data: row 3: {MESSAGE}."
    for name, text in {"a/1.txt": "a", "b/1.txt": "\ufeff\u00ad\n"}.items():
        (tmp_path / "t" / name).parent.mkdir(parents=True)
        (tmp_path / "t" / name).write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "t"), split=split))
    assert str(caught.value) == (
        f"{tmp_path / 't/b/1.txt'}: the file is empty or has no visible character. Every file needs a text: fill or "
        "remove it."
    )


def test_texts_to_predict_refuse_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n' + json.dumps({"text": "\u200b\u00ad"}) + "\n")
    with pytest.raises(DataError) as caught:
        list(InputReader(str(path)))
    assert str(caught.value) == f"{path}: line 2 (id 1): {MESSAGE}."


def test_visible_forms_leave_out_what_nobody_sees() -> None:
    alike = ["a b", "a  b", " a\u00a0b\n", "a\u200b b", "\ufeffa b"]
    assert visible_forms(alike) == ["a b"] * len(alike)
    assert visible_forms(["e\u0301", "\u00e9", "e", "E"]) == ["\u00e9", "\u00e9", "e", "E"]
