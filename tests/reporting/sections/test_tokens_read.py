"""The share of tokens that were read of each split."""

from types import SimpleNamespace

from datasets import Dataset

from nlp_transfer.reporting.sections.tokens_read import tokens_read
from nlp_transfer.tasks.charts import Bars


def rows(*lengths, at=8):
    read = [min(length, at) for length in lengths]
    cut = [length > at for length in lengths]
    return Dataset.from_dict({"text_length": list(lengths), "length": read, "truncated": cut})


def test_a_bar_for_each_split():
    run = SimpleNamespace(encoded={"source": {"train": rows(8, 24), "test": rows(4)}, "target": {"test": rows(16)}})
    (figure,) = tokens_read(run).blocks
    assert figure.chart == Bars(
        "share of tokens",
        {"source train": 0.5, "source test": 1.0, "target test": 0.5},
        {"source train": "1 of 2 cut", "source test": "0 of 1 cut", "target test": "1 of 1 cut"},
    )
    assert figure.alt == "Tokens read: source train 50.0%, source test 100.0%, target test 50.0%"


def test_nothing_where_nothing_was_cut_or_rows_are_no_whole_texts():
    assert tokens_read(SimpleNamespace(encoded={"source": {"train": rows(8, 4)}})) is None
    assert tokens_read(SimpleNamespace(encoded={"source": {"train": Dataset.from_dict({"length": [8]})}})) is None
