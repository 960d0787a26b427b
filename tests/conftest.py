"""What several rooms test with: small trained models on disk."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub_server import Hub


if "PYTEST_XDIST_WORKER" in os.environ:  # before torch counts: workers that each take all cores get in each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) % len(cores)]})


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests cache out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLP_TRANSFER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny encoder with a word tokenizer. Modules that need another have their own by this name."""
    from tests.tiny_runs import tiny_encoder

    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a corpus for it, in splits. Modules that need another have their own by this name."""
    from tests.tiny_runs import write_corpus

    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a saved single-label classifier of `tests.tiny_classifiers.LABELS`. Do not write to it."""
    from tests.tiny_classifiers import save_classifier

    return save_classifier(tmp_path_factory.mktemp("tiny_classifier"))


@pytest.fixture(scope="session")
def tiny_multi_label_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for multi-label, with thresholds 0.2, 0.5 and 0.9. Do not write to it."""
    from tests.tiny_classifiers import LABELS, save_classifier

    thresholds = dict(zip(LABELS, (0.2, 0.5, 0.9), strict=True))
    return save_classifier(tmp_path_factory.mktemp("tiny_multi_label"), multi_label=True, thresholds=thresholds)


@pytest.fixture
def loopback_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator["Hub"]:
    """A Hub on loopback that this process's client talks to, logged in as its user `ada`; nobody waits between attempts."""
    import time

    from huggingface_hub import constants

    from tests.hub_server import OWNER, running

    with running(part_bytes=40_000) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
        monkeypatch.setattr(time, "sleep", lambda _: None)
        monkeypatch.setenv("HF_TOKEN", OWNER)
        yield hub


@pytest.fixture
def loopback_xet(loopback_hub: "Hub", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Hub":
    """The same Hub with the client's own way for large files: by Xet. Of its attempts, few, in quick succession."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _xet

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "xet_cache"))
    monkeypatch.setenv("HF_XET_XORB_COMPRESSION_POLICY", "none")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "10ms")
    monkeypatch.setattr(_xet, "_GLOBAL_XET_HOLDER", _xet.XetSessionHolder())  # it has read its settings before
    return loopback_hub
