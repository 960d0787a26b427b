"""Corpora to test with: a cache of its own for every test, files from rows, and real data where it is there."""

import errno
import gzip
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import Corpus, CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(folder))
    return folder


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., Path]:
    """Write JSON Lines, gzipped where the name says so."""

    def write(name: str, rows: Iterable[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def toy_rows(count: int, classes: tuple[Any, ...] = ("a", "b"), start: int = 0) -> list[dict[str, Any]]:
    """Rows with different texts and classes in turn."""
    return [{"text": f"text number {start + row}", "label": classes[row % len(classes)]} for row in range(count)]


def real_data(name: str) -> Path:
    """A real corpus's folder, or a skip."""
    named = os.environ.get("NLP_TRANSFER_DATA")
    folder = (Path(named) if named else Path(__file__).parents[3] / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"the corpus {name} is not there: set NLP_TRANSFER_DATA to the folder that holds it")
    return folder


ADVICE = "Get the right to read it (`ls -ld` shows who has it; a folder needs r and x), or name another."


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a function fail for one path: refuse(owner, name, path)."""

    def forbid(owner: Any, name: str, path: Path, code: int = errno.EACCES) -> None:
        real = getattr(owner, name)

        def refusing(first: Any, *rest: Any, **options: Any) -> Any:
            if not isinstance(first, int) and Path(first) == path:
                raise OSError(code, os.strerror(code), str(first))
            return real(first, *rest, **options)

        monkeypatch.setattr(owner, name, refusing)

    return forbid


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(path), split=SplitConfig(method="stratified")))
    return str(caught.value)


SPLIT = SplitConfig(method="stratified")


@pytest.fixture
def failure(write_rows: Callable[..., Path]) -> Callable[..., str]:
    """The message for bad rows, with the path left out."""

    def message(rows: list[Any], **options: Any) -> str:
        columns = options.pop("columns", {})
        names = options.pop("class_names", None)
        path = write_rows("rows.jsonl", rows)
        with pytest.raises(DataError) as caught:
            load_corpus(CorpusConfig(path=str(path), columns=columns, label_names=names, split=SPLIT), **options)
        return str(caught.value).replace(str(path), "FILE")

    return message


def sizes(corpus: Corpus) -> dict[str, int]:
    return {name: len(split) for name, split in corpus.splits.items()}


def text_folder(root: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def load_error(config: CorpusConfig, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_corpus(config, **options)  # type: ignore[arg-type]
    return str(caught.value)
