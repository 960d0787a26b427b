"""Datasets of the Hub."""

import socket
import time
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import Dataset, DatasetDict

from nlp_transfer import CorpusConfig, load_corpus
from nlp_transfer.errors import DataError
from tests.data.conftest import sizes, toy_rows


def hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    calls: list[Any] = []

    def load_dataset(*positional: Any, **named: Any) -> Any:
        calls.append((positional, named))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr("nlp_transfer.data.sources.hub.hub_answers", lambda *_: True)
    monkeypatch.setattr("nlp_transfer.data.sources.hub._is_offline", lambda: False)
    return calls


def test_hub_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DatasetDict(
        train=Dataset.from_list(toy_rows(8)),
        eval=Dataset.from_list(toy_rows(4, start=8)),
        other=Dataset.from_list(toy_rows(2)),
    )
    calls = hub(monkeypatch, data)
    config = CorpusConfig(hub="owner/set", name="part", revision="abc", splits={"train": "train", "test": "eval"})
    corpus = load_corpus(config)
    assert calls == [(("owner/set", "part"), {"revision": "abc"})]
    assert sizes(corpus) == {"train": 6, "validation": 2, "test": 4}
    assert corpus.origin == "Hub dataset owner/set (part, revision abc)"
    assert "Splits that are left out: other." in corpus.notes
    with pytest.raises(DataError, match=r"source\.splits: Unknown split 'evl'\. Did you mean 'eval'\?"):
        load_corpus(CorpusConfig(hub="owner/set", splits={"test": "evl"}))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            datasets.exceptions.DatasetNotFoundError(
                "Dataset 'owner/set' doesn't exist on the Hub or cannot be accessed."
            ),
            "the Hub has no such dataset",
        ),
        (
            ConnectionError("Couldn't reach 'owner/set' on the Hub (LocalEntryNotFoundError)"),
            "the Hub cannot be reached and the dataset is not in the cache (no network; ConnectionError: ",
        ),
        (
            RuntimeError("Dataset scripts are no longer supported, but found set.py"),
            "it is a loading script, which is not run",
        ),
        (
            ValueError("Config name is missing.\nPlease pick one among the available configs: ['a', 'b']"),
            "Set source.name to one of its configurations.",
        ),
        (
            ValueError("BuilderConfig 'q' not found. Available: ['a', 'b']"),
            "Set source.name to one of its configurations.",
        ),
        (
            TypeError("something else"),
            "(TypeError: something else). Check source.hub, source.name and source.revision.",
        ),
    ],
)
def test_hub_errors_say_what_to_do(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    hub(monkeypatch, error)
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(hub="owner/set"))
    assert str(caught.value).startswith("source.hub: owner/set cannot be loaded")
    assert words in str(caught.value)


def test_a_hub_dataset_without_network_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    started = time.perf_counter()
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(hub="owner/set"))
    assert time.perf_counter() - started < 10
    message = str(caught.value)
    assert message.startswith(
        "source.hub: owner/set cannot be loaded: the Hub cannot be reached and the dataset is not in the cache "
        "(no network; "
    )
    assert message.endswith(
        "Fetch it elsewhere with `hf download owner/set --repo-type dataset --local-dir FOLDER`, and name its files with "
        "source.path."
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"is not in the cache \(HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set\)"):
        load_corpus(CorpusConfig(hub="owner/set"))
    assert datasets.config.HF_HUB_OFFLINE is False  # what was changed for a while is as it was
