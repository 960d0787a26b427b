"""Which columns of a corpus are read, and what they become."""

from nlp_transfer.data.validation.column_spec import ColumnSpec, remembered_columns


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
