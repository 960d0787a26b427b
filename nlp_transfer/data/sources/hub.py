"""Read corpora from the Hugging Face Hub. Only data files are read; a dataset's code never runs."""

import contextlib
from collections.abc import Iterator

import datasets
from datasets import DatasetDict
from huggingface_hub import HfApi, constants

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.source import CorpusReader
from nlp_transfer.data.sources.in_memory import object_source
from nlp_transfer.errors import DataError

_HUB_TIMEOUT_SECONDS = 10  # seconds until the Hub counts as unreachable


def hub_source(config: CorpusConfig, key: str) -> CorpusReader:
    """Return the source `config.hub`, downloaded once and then read from the datasets library's cache."""
    name = str(config.hub)
    try:
        with _offline_if(not _is_offline() and not hub_answers(name, config.revision)):
            loaded = datasets.load_dataset(name, config.name, revision=config.revision)
    except Exception as error:  # the library raises a dozen types here, most of them from below
        raise DataError(_format_hub_error(config, key, error)) from error
    if not isinstance(loaded, DatasetDict):
        raise DataError(f"{key}.hub: {name} loads as a {type(loaded).__name__}; expected a dataset with splits.")
    details = [config.name] if config.name else []
    details.append(f"revision {config.revision or 'main'}")
    origin = f"Hub dataset {name} ({', '.join(details)})"
    return object_source(dict(loaded), key=key, columns=config.columns, splits=config.splits, origin=origin)


def hub_answers(name: str, revision: str | None) -> bool:
    """Return True if the Hub answers one request for a dataset, even if the answer is an error.

    The datasets library tries six times for each file, which takes half a minute where there is no network.
    """
    try:
        HfApi().dataset_info(name, revision=revision, timeout=_HUB_TIMEOUT_SECONDS)
    except Exception as error:
        # The Hub's client changed its own below (requests, httpx), and the kinds of its errors with it.
        return not {"TransportError", "ConnectionError", "Timeout"} & {kind.__name__ for kind in type(error).__mro__}
    return True


def _is_offline() -> bool:
    return bool(constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE)


@contextlib.contextmanager
def _offline_if(unreachable: bool) -> Iterator[None]:
    """Set the libraries offline for the block, so that a dataset loads from the cache or fails at once."""
    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    if unreachable:
        constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _format_hub_error(config: CorpusConfig, key: str, error: Exception) -> str:
    """Return a message with the cause of a failed download and the remedy."""
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
    if isinstance(error, OSError) or "offline" in text.lower() or "connect" in text.lower():
        why = "HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set" if _is_offline() else f"no network; {kind}: {text}"
        return (
            f"{what}: the Hub cannot be reached and the dataset is not in the cache ({why}). Fetch it elsewhere with "
            f"`hf download {config.hub} --repo-type dataset --local-dir FOLDER`, and name its files with {key}.path."
        )
    return f"{what} ({kind}: {text}). Check {key}.hub, {key}.name and {key}.revision."
