"""Translate errors of the Hub's client during a push to `PublishError`s with the remedy."""

import contextlib
import json
import textwrap
from collections.abc import Iterator

from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.models.files.hub_errors import cause_of, is_network, is_of_xet, status_of

ATTEMPTS = 4
"""Number of attempts of a call; 1, 2 and 4 seconds lie between."""

TRANSIENT = (408, 429, 500, 502, 503, 504)
"""Answers after which another attempt may help."""

_XET_TOKEN = "/xet-write-token/"
"""The one request of Xet's library that the Hub itself answers."""


@contextlib.contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Raise errors of the Hub's client as `PublishError`s with the remedy."""
    try:
        yield
    except (PublishError, ConfigError):
        raise
    except Exception as error:
        raise PublishError(_format_error(error, repo_id)) from error


def _format_error(error: BaseException, repo_id: str) -> str:
    from huggingface_hub import constants

    hub, cause = constants.ENDPOINT, cause_of(error)
    text = _message(cause)
    of_storage = is_of_xet(cause) and _XET_TOKEN not in str(cause)
    if of_storage and (is_network(cause) or status_of(cause) not in (None, 413)):
        what = "does not take the model's files"
        if is_network(cause):
            what = "cannot be reached"
        elif status_of(cause) in TRANSIENT:
            what = f"answers with {status_of(cause)}, attempt after attempt"
        return f"The storage of {hub} {what} ({text}). {_ONCE_MORE} {_WITHOUT_XET}"
    return _format_status(cause, hub, repo_id) or _format_other(error, hub, repo_id)


def _format_status(cause: BaseException, hub: str, repo_id: str) -> str | None:
    """Return the message for a status of the Hub's answer; None for other errors."""
    text, status = _message(cause), status_of(cause)
    if status == 403 and "storage" in text.lower():
        return f"{hub} has no room for {repo_id} ({text}). Free some there, or ask it for more."
    if status in TRANSIENT:
        often = "attempt after attempt" if is_of_xet(cause) else f"after {ATTEMPTS} attempts"
        return f"{hub} answers with {status} {often} ({text}). {_ONCE_MORE}"
    messages = {
        401: f"{hub} does not know this login ({text}). Log in anew with `hf auth login`, or set HF_TOKEN.",
        403: f"The login has no right to write to {repo_id} ({text}). Use a token with the role write, and a "
        "repository of your own or of an organisation that lets you write.",
        404: f"{hub} has no repository {repo_id} that this login can see ({text}).",
        409: f"The name {repo_id} is taken ({text}). Choose another.",
        413: f"A file of the model is larger than {hub} takes ({text}). {_SMALLER}",
    }
    return messages.get(status) if status is not None else None


def _format_other(error: BaseException, hub: str, repo_id: str) -> str:
    """Return the message for an error that is no answer of the Hub."""
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    cause = cause_of(error)
    text = _message(cause)
    if isinstance(error, LocalTokenNotFoundError):
        return f"There is no login to {hub}. Log in with `hf auth login`, or set HF_TOKEN."
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it, and run the same command again."
    if is_network(cause):
        return f"{hub} cannot be reached ({text}). {_ONCE_MORE}"
    if "Invalid metadata in README.md" in str(error):
        return (
            f"{hub} does not take the card's metadata ({_message(error)}). Mend the lines between the --- of the card, "
            "and push again."
        )
    if "LFS batch API returned errors" in str(error):
        return f"{hub} does not take a file of the model ({_message(error)}). {_SMALLER}"
    return f"{repo_id} cannot be pushed to ({type(cause).__name__}: {text}). {_ONCE_MORE}"


_ONCE_MORE = "Push again; files that arrived whole are not sent again."
_WITHOUT_XET = "If it stays so, send them by way of the Hub itself: set HF_HUB_DISABLE_XET=1."
_SMALLER = "Save the weights in parts (`model.save_pretrained(FOLDER, max_shard_size='5GB')`), or ask it for more room."


def _message(error: BaseException) -> str:
    text = getattr(error, "server_message", None) or str(error)
    return textwrap.shorten(text, 200, placeholder=" …") or type(error).__name__


def is_transient(error: BaseException, *, connected: bool) -> bool:
    """Return True if another attempt may help; with a lost connection, only if the Hub was `connected` before."""
    if isinstance(error, json.JSONDecodeError):  # a page of a proxy where the Hub's answer should be
        return True
    if is_of_xet(error):  # it has made attempts of its own, for minutes
        return False
    offline = "OfflineModeIsEnabled" in {base.__name__ for base in type(error).__mro__}
    return status_of(error) in TRANSIENT or (connected and is_network(error) and not offline)
