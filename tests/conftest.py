"""What several rooms test with: small trained models on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests cache out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLP_TRANSFER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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
