"""Corpora from the Hugging Face Hub. No code of a dataset is ever run: only data files are read."""

import datasets
from datasets import DatasetDict

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.objects import object_source
from nlp_transfer.data.rows import Source
from nlp_transfer.errors import DataError


def hub_source(config: CorpusConfig, key: str) -> Source:
    """The source `config.hub`, downloaded once and then read from the datasets library's cache.

    Raises:
        DataError: no such dataset, configuration or revision; no network and not in the cache; or a loading script.
    """
    name = str(config.hub)
    try:
        loaded = datasets.load_dataset(name, config.name, revision=config.revision)
    except Exception as error:  # the library raises a dozen types here, most of them from below
        raise DataError(_explained(config, key, error)) from error
    if not isinstance(loaded, DatasetDict):
        raise DataError(f"{key}.hub: {name} loads as a {type(loaded).__name__}; expected a dataset with splits.")
    details = [config.name] if config.name else []
    details.append(f"revision {config.revision or 'main'}")
    origin = f"Hub dataset {name} ({', '.join(details)})"
    return object_source(dict(loaded), key=key, columns=config.columns, splits=config.splits, origin=origin)


def _explained(config: CorpusConfig, key: str, error: Exception) -> str:
    """What went wrong, and what to do."""
    what = f"{key}.hub: {config.hub} cannot be loaded"
    kind, text = type(error).__name__, (str(error).splitlines() or [""])[0]
    if isinstance(error, RuntimeError) and "script" in text.lower():
        return f"{what}: it is a loading script, which is not run. Try {key}.revision: refs/convert/parquet."
    if kind == "DatasetNotFoundError" and "doesn't exist" in text:
        return (
            f"{what}: the Hub has no such dataset or revision, or it is private ({text}). Check the name "
            f"(owner/name) and {key}.revision; log in with `hf auth login` if it is private."
        )
    if "BuilderConfig" in text or "Config name is missing" in str(error):
        return f"{what}: {str(error).strip()} Set {key}.name to one of its configurations."
    if (
        isinstance(error, ConnectionError | OSError | TimeoutError)
        or "offline" in text.lower()
        or "connect" in text.lower()
    ):
        return (
            f"{what}: the Hub cannot be reached and the dataset is not in the cache ({kind}: {text}). Connect, or "
            f"name a local copy with {key}.path; unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE if they are set."
        )
    return f"{what} ({kind}: {text}). Check {key}.hub, {key}.name and {key}.revision."
