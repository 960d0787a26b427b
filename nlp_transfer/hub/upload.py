"""Upload to the Hub by its own client: rights, a private repository, one commit, errors with the remedy.

A commit is made when all large files are there, so a repository never holds half a model. Transient errors (5xx, 429, a
lost connection) are tried again, here or by the client.
"""

import contextlib
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.hub.package import RepoFile, is_pushed_file
from nlp_transfer.models.files.download import cause_of, is_network, is_of_xet, status_of, without_telemetry

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo

CARD = "README.md"

TAG = "nlp-transfer"
"""A tag of every card, which marks a repository as made by a push."""

_OWN_FILES = {".gitattributes"}
"""Files that the Hub puts into a new repository by itself."""

ATTEMPTS = 4
"""Number of attempts of a call; 1, 2 and 4 seconds lie between."""

TRANSIENT = (408, 429, 500, 502, 503, 504)
"""Answers after which another attempt may help."""

_ONCE_MORE = "Push again; files that arrived whole are not sent again."
_WITHOUT_XET = "If it stays so, send them by way of the Hub itself: set HF_HUB_DISABLE_XET=1."
_SMALLER = "Save the weights in parts (`model.save_pretrained(FOLDER, max_shard_size='5GB')`), or ask it for more room."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Repository:
    """Hold a repository that may be written to."""

    repo_id: str
    exists: bool = False
    files: tuple[str, ...] = ()
    head: str | None = None

    def replaced(self, parts: Sequence[RepoFile]) -> str | None:
        """Describe what a push to the main branch replaces; None where it holds nothing."""
        if not set(self.files) - _OWN_FILES:
            return None
        gone = _no_longer(self.files, parts)
        return (
            f"{self.repo_id} holds a model already, which stays there at revision {self.head}. This one takes its place"
            + (f", and what it does not have goes: {', '.join(gone)}." if gone else ".")
        )


def _no_longer(held: Sequence[str], parts: Sequence[RepoFile]) -> list[str]:
    """Return the files of an earlier push that this one lacks."""
    names = {part.name for part in parts}
    return [name for name in held if name not in names and is_pushed_file(name)]


def check_target(
    repo_id: str | None, *, name: str, public: bool, allow_existing: bool = False, token: str | None = None
) -> Repository:
    """Check, in one or two cheap calls, that a push will be accepted. Nothing is written.

    Args:
        repo_id: `owner/name`, or `name` of the user who is logged in.
        name: the repository's name where `repo_id` is None.
        allow_existing: it may hold files that no push made.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    target = repo_id or name
    check_name(target)
    with hub_errors(target):
        who = _again(lambda: _api(token).whoami(), connected=False)
    owner, _, own = target.rpartition("/")
    target = f"{owner or who['name']}/{own}"
    _check_right(target, who)
    info: Any = None  # this login sees none
    with hub_errors(target), contextlib.suppress(RepositoryNotFoundError):
        info = _again(lambda: _api(token).model_info(target))
    if info is None:
        return Repository(target)
    files = tuple(sibling.rfilename for sibling in info.siblings or ())
    tags = getattr(info.card_data, "tags", None) or []
    if bool(info.private) == public:
        is_now, remedy = ("private", "Leave out") if info.private else ("public", "Pass")
        raise PublishError(
            f"{target} is there already and is {is_now}, which a push does not change. {remedy} --public "
            "(training.hub_private_repo), or choose another name."
        )
    if not allow_existing and TAG not in tags and set(files) - _OWN_FILES:
        raise PublishError(
            f"The name {target} is taken: it holds {len(files)} files ({', '.join(files[:4])}"
            f"{', …' if len(files) > 4 else ''}) and no card of a push. Choose another name, or pass --allow_existing "
            "to put a commit on top of them."
        )
    return Repository(target, exists=True, files=files, head=info.sha)


def upload(
    target: Repository,
    parts: Sequence[RepoFile],
    *,
    message: str,
    public: bool,
    revision: str | None = None,
    token: str | None = None,
) -> "CommitInfo":
    """Upload the files in one commit; files of an earlier push that are not among them are deleted.

    Args:
        public: everyone may read a new repository.
        revision: a branch, created if needed; None is the main one.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    without_telemetry()
    api = _api(token)
    with hub_errors(target.repo_id):
        if not target.exists:
            _again(lambda: api.create_repo(target.repo_id, private=not public, exist_ok=True))
        held: Sequence[str] = target.files
        if revision is not None:
            _again(lambda: api.create_branch(target.repo_id, branch=revision, exist_ok=True))
            held = _again(lambda: api.list_repo_files(target.repo_id, revision=revision))
        operations: list[Any] = [CommitOperationAdd(part.name, part.content) for part in parts]
        operations += [CommitOperationDelete(name) for name in _no_longer(held, parts)]
        commit: CommitInfo = _again(
            lambda: api.create_commit(target.repo_id, operations, commit_message=message, revision=revision)
        )
    return commit


def check_name(repo_id: str) -> None:
    """Check a repository's name; raises ConfigError."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ConfigError(
            f"{repo_id!r} can be no repository's name: {' '.join(str(error).split())} Expected OWNER/NAME, or NAME."
        ) from error


def _again(call: Callable[[], Result], *, connected: bool = True) -> Result:
    retrying = Retrying(
        retry=retry_if_exception(lambda error: is_transient(error, connected=connected)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=8),
        reraise=True,
    )
    return retrying(call)


def _api(token: str | None) -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name=TAG)


def _check_right(repo_id: str, who: dict[str, Any]) -> None:
    """Check the rights that the login's description holds; the Hub checks the others later."""
    owner, name = repo_id.split("/")
    role = (who.get("auth") or {}).get("accessToken", {}).get("role")
    if role == "read":
        raise PublishError(
            f"The token of {who['name']} may only read, so {repo_id} cannot be written. Make one with the role write "
            "at the Hub (Settings, Access Tokens), and log in with it: `hf auth login`."
        )
    organisations = who.get("orgs") or ()
    mine = {who["name"]: "admin", **{one["name"]: one.get("roleInOrg", "write") for one in organisations}}
    if mine.get(owner, "read") == "read":
        raise PublishError(
            f"{who['name']} has no right to write to {repo_id}. Owners that this login can write to: "
            f"{', '.join(one for one, role in mine.items() if role != 'read')}; try {who['name']}/{name}."
        )


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
    of_storage = is_of_xet(cause) and "/xet-write-token/" not in str(cause)  # which the Hub itself answers
    if of_storage and (is_network(cause) or status_of(cause) not in (None, 413)):
        what = "cannot be reached" if is_network(cause) else "does not take the model's files"
        if status_of(cause) in TRANSIENT:
            what = f"answers with {status_of(cause)}, attempt after attempt"
        return f"The storage of {hub} {what} ({text}). {_ONCE_MORE} {_WITHOUT_XET}"
    return _format_status(cause, hub, repo_id) or _format_other(error, hub, repo_id)


def _format_status(cause: BaseException, hub: str, repo_id: str) -> str | None:
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
        return f"{hub} does not take the card's metadata ({_message(error)}). Mend the lines between its ---."
    if "LFS batch API returned errors" in str(error):
        return f"{hub} does not take a file of the model ({_message(error)}). {_SMALLER}"
    return f"{repo_id} cannot be pushed to ({type(cause).__name__}: {text}). {_ONCE_MORE}"


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
