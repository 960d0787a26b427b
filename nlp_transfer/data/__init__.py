"""Corpora: read rows of text from one domain, split them, and encode them as batches."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlp_transfer.data.corpus import Corpus, CorpusConfig, SplitConfig
    from nlp_transfer.data.loading import corpus_from, load_corpus
    from nlp_transfer.data.summary import describe

__all__ = ["Corpus", "CorpusConfig", "SplitConfig", "corpus_from", "describe", "load_corpus"]

_MODULES = {
    "Corpus": "corpus",
    "CorpusConfig": "corpus",
    "SplitConfig": "corpus",
    "corpus_from": "loading",
    "describe": "summary",
    "load_corpus": "loading",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first access, so that configurations load without pandas, scipy and datasketch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
