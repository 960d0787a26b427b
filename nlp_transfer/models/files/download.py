"""Return the local folder of a model, downloaded from the Hub if needed, and check its files.

A Hub model is fetched in one step with one attempt, and is then treated like any other folder. Loading a local model
makes no network request.
"""

import os
import re
import textwrap
from pathlib import Path

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.files.manifest import has_manifest, listed_files
from nlp_transfer.models.files.resolve import resolve_model
from nlp_transfer.models.files.validate import EXTRACTOR, check_safe

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.codes", "*.jinja", "model*.safetensors")
"""Patterns of the files to download: configuration, vocabulary and safetensors, also of the model's extractor."""

_OF_XET = re.compile(r"(?:Network|Server|Authentication|Internal) error: |Timeout: ")
"""The beginning of errors of Xet's library."""

_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})\b")


def model_folder(name: str, *, revision: str | None = None, trust_remote_code: bool = False) -> Path:
    """Return the folder that holds a model's files, after `check_safe`; Python files only if `trust_remote_code`."""
    source = Path(resolve_model(name))
    if source.is_dir():
        if revision is not None:
            raise ConfigError(f"model: {local_revision_problem(name, revision)}")
        folder = source
    else:
        folder = _fetched(name, revision, [*MODEL_FILES, *["*.py"] * trust_remote_code], ["*/*"])
        if has_manifest(folder) and any(file.startswith(f"{EXTRACTOR}/") for file in listed_files(folder)):
            _fetched(name, folder.name, [f"{EXTRACTOR}/{pattern}" for pattern in MODEL_FILES], ["*/*/*"])
    check_safe(folder)
    return folder


def local_revision_problem(name: str, revision: str) -> str:
    """Return a problem text for a revision of a local model."""
    return f"{name} is on this machine, and revision is {revision}: only models on the Hub have revisions."


def without_telemetry() -> None:
    """Disable the telemetry of Xet's library, which moves large files, unless the user has set it."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def _fetched(name: str, revision: str | None, patterns: list[str], ignored: list[str]) -> Path:
    from huggingface_hub import constants, snapshot_download, try_to_load_from_cache
    from huggingface_hub.errors import LocalEntryNotFoundError

    without_telemetry()
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=patterns, ignore_patterns=ignored))
    except LocalEntryNotFoundError as error:
        # What transformers has put into the cache may lack files that are not needed.
        known = try_to_load_from_cache(name, "config.json", cache_dir=constants.HF_HUB_CACHE, revision=revision)
        if isinstance(known, str):
            return Path(known).parent
        raise ConfigError(f"model: {_problem(name, revision, error)}") from error
    except Exception as error:  # the library raises a dozen kinds, most of them from below
        raise ConfigError(f"model: {_problem(name, revision, error)}") from error
    if not folder.is_dir():
        raise ConfigError(
            f"model: {name} is on the Hub and holds no file of a model ({', '.join(patterns)}). Check the name and "
            "`revision`."
        )
    return folder


def _problem(name: str, revision: str | None, error: Exception) -> str:
    from huggingface_hub import constants, errors, get_token

    hub, status, login = constants.ENDPOINT, status_of(cause_of(error)), "Log in with `hf auth login`, or set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name} has no revision {revision} on the Hub. Expected a commit, a tag or a branch of it."
    if isinstance(error, errors.GatedRepoError):
        return f"{name} is gated. Ask for access at {hub}/{name}. {login}."
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        seen = "this login may not see it" if get_token() else "nobody is logged in here"
        return (
            f"{name} is not a folder here, and {hub} has no such model; or it is private, and {seen}. Check the name. "
            f"{login}, if it is private; or name a local folder."
        )
    if status is not None:
        what = {
            401: f"{hub} does not know this login. Log in anew with `hf auth login`, or set HF_TOKEN.",
            403: "this login has no right to read it. Use a token that may.",
        }.get(status, f"{hub} answers with {status}. Try again later; or name a local folder.")
        return f"{name} cannot be fetched: {what}"
    if isinstance(error, errors.LocalEntryNotFoundError) or is_network(cause_of(error)):
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "there is no network"
        return (
            f"{name} is not a folder here, and as a Hub id it cannot be fetched: {why}, and it is not in the cache "
            f"({constants.HF_HUB_CACHE}). Check the name; or fetch it where there is a network with "
            f"`hf download {name} --local-dir {Path(name).name}`, copy that folder here and name it."
        )
    text = textwrap.shorten(str(error), 300, placeholder=" …") or type(error).__name__
    return (
        f"{name} cannot be fetched from the Hub ({type(error).__name__}: {text}). Check the name and `revision`; log "
        "in with `hf auth login` if it is private or gated; or name a local folder."
    )


def cause_of(error: BaseException) -> BaseException:
    """Return the first of an error and its causes with a known reason; the last cause where none has one."""
    while error.__cause__ is not None and status_of(error) is None and not is_network(error):
        error = error.__cause__
    return error


def status_of(error: BaseException) -> int | None:
    """Return the status of the answer that an error is about; None where it is about none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    found = _XET_STATUS.search(str(error)) if is_of_xet(error) else None
    return int(found.group(1)) if found else None


def is_network(error: BaseException) -> bool:
    """Return True if a connection failed; by names, since the client changed its HTTP library more than once."""
    names = {base.__name__ for base in type(error).__mro__}
    return status_of(error) is None and bool(names & {"TransportError", "ConnectionError", "Timeout", "TimeoutError"})


def is_of_xet(error: BaseException) -> bool:
    """Return True if Xet's library raised it."""
    return _OF_XET.match(str(error)) is not None
