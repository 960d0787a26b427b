"""The texts that a push looks for."""

from types import SimpleNamespace

from datasets import Dataset

from nlp_transfer.commands.finished_runs import FinishedRun
from nlp_transfer.commands.training_texts import corpora_of_extractor, texts_of_corpora


def test_every_text_of_every_column_is_read():
    rows = {
        "id": ["1"],
        "label": ["no"],
        "text": ["a text"],
        "summary": ["short"],
        "marked": [["one", "two"]],
        "n": [3],
    }
    corpora = {"source": SimpleNamespace(splits={"train": Dataset.from_dict(rows)})}
    assert list(texts_of_corpora(corpora)) == ["a text", "short", "one two"]


def test_a_model_without_an_extractor_has_no_texts_of_one(tmp_path):
    run = FinishedRun(tmp_path, {"config": {"task": {}}}, None)
    assert corpora_of_extractor(run, None) == {}
