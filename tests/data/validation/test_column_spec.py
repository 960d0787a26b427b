"""Which columns of a corpus are read, and what they become."""

from pathlib import Path

import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, corpus_from, load_corpus
from nlp_transfer.data.validation.column_spec import ColumnSpec, remembered_columns
from nlp_transfer.errors import DataError


def test_columns_of_a_run_are_those_that_a_corpus_has_and_does_not_name() -> None:
    several = {"body": "text", "clause": "text", "tax": "labels", "tort": "labels", "text": "unread"}
    available = ["body", "clause", "tax", "tort", "text"]
    assert remembered_columns(several, {}, available) == {"body": "text", "tax": "labels", "tort": "labels"}
    assert remembered_columns(several, {"tax": "label"}, available) == {"tax": "label", "body": "text"}
    assert remembered_columns(several, {}, ["text", "label"]) == {}


def test_all_numbers_of_a_run_are_remembered() -> None:
    run = {"price": "value", "Dauer": "value.term"}
    assert remembered_columns(run, {}, ["text", "price", "Dauer"]) == run
    assert remembered_columns(run, {"cost": "value.price"}, ["cost", "price", "Dauer"]) == {"cost": "value.price"}


def test_numbers_may_get_other_names() -> None:
    spec = ColumnSpec("target", {"cost": "value.price", "Dauer": "value.term"}, kind="numbers")
    assert spec.theirs() == {"id": "id", "text": "text", "cost": "values", "Dauer": "values"}
    assert spec.gathered() == {"cost": "price", "Dauer": "term"}


def test_two_numbers_of_one_name_are_refused() -> None:
    frame = pd.DataFrame({"text": ["a"], "cost": [1.0], "days": [2.0]})
    with pytest.raises(DataError, match=r"columns gives cost and days one name, 'cost'; name one of them anew\.$"):
        corpus_from({"test": frame}, columns={"cost": "value", "days": "value.cost"}, kind="numbers")
    with pytest.raises(DataError, match=r"columns gives cost no name; write value, or value\.NAME\.$"):
        corpus_from({"test": frame}, columns={"cost": "value."}, kind="numbers")


def test_a_file_with_numbers_is_scored_as_a_test_split(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,cost\na,1\nb,2\n")
    config = CorpusConfig(str(tmp_path / "a.csv"), columns={"cost": "value"})
    assert set(load_corpus(config, kind="numbers", trains=False).splits) == {"test"}
    assert set(load_corpus(config, kind="texts", labeled=False).splits) == {"unlabeled"}
