"""What is known of a run before it begins."""

import pytest
from datasets import Dataset, enable_progress_bars

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.prepared_run import prepare, truncation_summary
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


def test_cut_texts_and_the_share_of_their_tokens():
    columns = {"truncated": [True, False], "length": [8, 6], "text_length": [22, 6], "read": [8, 6]}
    whole = {"train": Dataset.from_dict(columns), "test": Dataset.from_dict({"length": [3]})}
    assert truncation_summary({"source": whole, "target": {"test": whole["test"]}}) == {
        "source texts cut at the task's length": "1 of 3 (33%), 50.0% of all tokens"
    }


def test_cut_windows_summaries_and_sentences():
    train = {"document": [0, 1], "truncated": [1, 1], "target_cut": [2, 1], "cut": [4, 0], "length": [8, 8]}
    assert truncation_summary({"source": {"train": Dataset.from_dict(train)}}) == {
        "source windows cut at the task's length": "2 of 2 (100%)",
        "training windows whose summary is cut at task.max_summary_length": "3",
        "source sentences longer than a window, read as far as it goes": "4",
    }


@pytest.fixture
def bars():
    """The progress bars of datasets, on as in a Python script."""
    enable_progress_bars()
    yield
    enable_progress_bars()


def test_a_run_is_described_before_it_begins(tmp_path, bars, capsys):
    corpus = write_corpus(tmp_path / "corpus", sizes=(12, 6, 6))
    (corpus / "test.jsonl").write_text('{"id": "x", "text": "qqq zzz", "label": "public"}\n')
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), corpus, tmp_path / "run")
    prepared = prepare(load_config(tree=tree))
    assert list(prepared.data.encoded["source"]) == ["train", "validation", "test"]
    assert prepared.notes[0] == "source:"
    assert prepared.warnings[0].startswith("source: ")
    assert f"Warning: {prepared.warnings[0]}" in prepared.notes
    assert not (tmp_path / "run").exists()
    assert "Tokenising" not in capsys.readouterr().err  # no bar where standard error is a file
