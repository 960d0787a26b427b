"""Documents, summaries and highlights: what comes in, and what is said of what cannot."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, corpus_from, load_corpus
from nlp_transfer.errors import DataError


def written(tmp_path: Path, *rows: dict[str, Any]) -> Any:
    """The corpus of some rows, all of them training rows, and as many to choose by."""
    for name in ("train", "dev"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return load_corpus(CorpusConfig(path=str(tmp_path)), kind="documents", trains=True)


def refusal(tmp_path: Path, *rows: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        written(tmp_path, *rows)
    return caught.value.problems[0]


def test_a_document_is_a_string_or_its_sentences(tmp_path: Path) -> None:
    corpus = written(
        tmp_path,
        {"document": ["First one.", "Second, longer."], "summary": "Both."},
        {"document": ["Alone."], "summary": "It."},
    )
    train = corpus.splits["train"]
    assert train.column_names == ["id", "text", "summary", "sentence_starts"]
    assert train[0] == {
        "id": "train-0",
        "text": "First one.\nSecond, longer.",
        "summary": "Both.",
        "sentence_starts": [0, 11],
    }
    (tmp_path / "plain").mkdir()
    plain = written(tmp_path / "plain", {"document": "A text. Of two.", "summary": "One."})
    assert plain.splits["train"][0]["sentence_starts"] == []


def test_highlights_become_offsets(tmp_path: Path) -> None:
    text = "the same. other. the same. last\nline"
    corpus = written(
        tmp_path,
        {"document": text, "highlights": ["the same.", "the same.", "last line"]},
        {"document": text, "highlights": ["other.", "the same."]},
        {"document": text, "highlights": []},
    )
    found = [row["highlights"] for row in corpus.splits["train"]]
    assert found == [[0, 9, 17, 26, 27, 36], [10, 16, 17, 26], []]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"document": ["a", " "]}, "row 1: sentence 1 (from 0) of the document is empty or no string. "),
        ({"document": ["a", 2]}, "row 1: sentence 1 (from 0) of the document is empty or no string. "),
        ({"document": []}, "row 1: document is []. Each sentence of a document is a string with text"),
        ({"document": "   "}, "row 1: document is empty or has no visible character"),
        ({"document": "a", "summary": None}, "row 1: summary is missing (null). Every row needs a summary"),
        ({"document": "a", "highlights": "a"}, "row 1: highlights is not a list of passages. Write a list of strings"),
        ({"document": "a", "highlights": None}, "row 1: highlights is missing (null). Write a list of strings"),
        (
            {"document": "a b", "highlights": ["b a"]},
            "row 1: highlights holds a passage that is not in the document: 'b a'. Copy passages as they stand there",
        ),
        (
            {"text": "a"},
            "there is no column 'document'; columns found: summary, text. Name it: ",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    assert problem in refusal(tmp_path, {"summary": "s", **row})


def test_columns_are_renamed_on_the_way_in() -> None:
    frame = pd.DataFrame({"bill": ["A text."] * 2, "gist": ["Short."] * 2})
    corpus = corpus_from(
        {"train": frame, "validation": frame}, columns={"bill": "document", "gist": "summary"}, kind="documents"
    )
    assert corpus.splits["train"][1]["text"] == "A text."
    assert corpus.splits["train"][1]["summary"] == "Short."


def test_summaries_are_part_of_the_fingerprint() -> None:
    def corpus(summary: str) -> Any:
        frame = pd.DataFrame({"document": ["A text."], "summary": [summary]})
        return corpus_from({"train": frame, "validation": frame}, kind="documents")

    assert corpus("One.").fingerprint != corpus("Two.").fingerprint
