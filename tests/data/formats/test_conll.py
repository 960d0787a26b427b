"""CoNLL columns: sentences with their tags."""

from pathlib import Path

import pytest

from nlp_transfer.data.formats import FORMATS
from nlp_transfer.data.formats.conll import read_conll
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import DataError

WANTED = frozenset({"tokens", "tags", "text"})


def sentences(path: Path) -> list[tuple[list[str], list[str]]]:
    found = []
    for batch in read_conll(path, WANTED, FileSettings()):
        found += list(zip(batch.columns["tokens"], batch.columns["tags"], strict=True))
    return found


@pytest.mark.parametrize("suffix", [".conll", ".bio"])
def test_the_first_column_is_the_word_and_the_last_its_tag(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text("-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n\nPeter NNP B-PER\nBlackburn NNP I-PER\n")
    (batch,) = FORMATS[suffix](path, WANTED, FileSettings())
    assert batch.columns == {
        "tokens": [["EU", "rejects"], ["Peter", "Blackburn"]],
        "tags": [["B-ORG", "O"], ["B-PER", "I-PER"]],
        "text": ["EU rejects", "Peter Blackburn"],
    }
    assert (batch.first_row, batch.unit) == (1, "sentence")


def test_tabs_part_columns_and_comments_hold_no_word(tmp_path: Path) -> None:
    path = tmp_path / "rows.conll"
    path.write_text("# id = 3\n# text = Blood group O\n1\tx\tO\nNew York\tB-LOC\n#\tO\n")
    assert sentences(path) == [(["1", "New York", "#"], ["O", "B-LOC", "O"])]


def test_a_line_with_one_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.conll"
    path.write_text("EU B-ORG\nrejects\n\nPeter B-PER\n")
    with pytest.raises(DataError) as caught:
        sentences(path)
    assert str(caught.value) == (
        f"{path}: line 2: has one column: 'rejects'. Expected a word, and its tag in the last column, separated by "
        "tabs or blanks."
    )
    kept = [*read_conll(path, WANTED, FileSettings(keep_broken=True))]
    assert [batch.broken is None for batch in kept] == [False, True]
    assert kept[1].columns["tokens"] == [["Peter"]]


def test_an_empty_file_has_no_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.conll"
    path.write_text("\n\n")
    assert sentences(path) == []
