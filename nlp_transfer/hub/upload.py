"""To the Hub, by its own client: who may write where, a private repository, one commit, and errors that say what to do.

A commit is made when all large files are there, so a repository never holds half a model. Large files
that arrived whole before an interruption are not sent again: the Hub knows them by their hash.

Large files go by Xet, the client's own way to the Hub's storage, a server of its own. Where only the Hub can be
reached, `HF_HUB_DISABLE_XET=1` in the environment sends them by Git LFS.

Errors that pass by themselves (5xx, 429, a connection that breaks) are tried again; the client does so for each part of
a large file (Xet's library for four minutes), this module for the rest.
"""

import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.hub.package import RepoFile, is_ours
from nlp_transfer.models.files.download import without_telemetry
from nlp_transfer.models.files.hub_errors import cause_of, is_network, is_of_xet, status_of

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo

CARD = "README.md"

TAG = "nlp-transfer"
"""A tag of every card: by it a repository is known for one that a push made."""

ATTEMPTS = 4
"""How often a call is made before the error counts; 1, 2 and 4 seconds lie between."""

TRANSIENT = (408, 429, 500, 502, 503, 504)
"""Answers after which another attempt may help."""

_XET_TOKEN = "/xet-write-token/"
"""The one request of Xet's library that the Hub itself answers."""

_OWN_FILES = (".gitattributes",)
"""What the Hub puts into a new repository by itself."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Repository:
    """A repository that may be written to.

    Args:
        repo_id: `owner/name`.
        exists: whether it is there.
        files: what it holds.
        head: the commit at which it does.
    """

    repo_id: str
    exists: bool = False
    files: tuple[str, ...] = ()
    head: str | None = None

    def replaced(self, parts: "Sequence[RepoFile]") -> str | None:
        """What a push to its main branch takes the place of, in words; None where there is nothing."""
        if not set(self.files) - {*_OWN_FILES}:
            return None
        gone = _no_longer(self.files, parts)
        return (
            f"{self.repo_id} holds a model already, which stays there at revision {self.head}. This one takes its place"
            + (f", and what it does not have goes: {', '.join(gone)}." if gone else ".")
        )


def _no_longer(held: Sequence[str], parts: "Sequence[RepoFile]") -> list[str]:
    """The files of an earlier push that a push does not have."""
    names = {part.name for part in parts}
    return [name for name in held if name not in names and is_ours(name)]


def check_target(
    repo_id: str | None, *, name: str, public: bool, allow_existing: bool = False, token: str | None = None
) -> Repository:
    """Find out, in one or two cheap calls, whether a push will be let in. Nothing is written.

    Args:
        repo_id: `owner/name`, or `name` of the one who is logged in.
        name: what the repository is called where `repo_id` is None.
        public: whether it shall be, or may be, readable by everyone.
        allow_existing: whether it may hold files that no push made.
        token: of the one who pushes; None is the login of this machine.

    Raises:
        PublishError: no login, no right, no network; the name is taken; the repository is public.
    """
    target = repo_id or name
    check_name(target)
    doing = Doing(target)
    with doing:
        who = _again(lambda: _api(token).whoami(), connected=False)
    owner, _, own = target.rpartition("/")
    target = doing.repo_id = f"{owner or who['name']}/{own}"
    _check_right(target, who)
    with doing:
        info = _again(lambda: _found(target, token))
    if info is None:
        return Repository(target)
    files = tuple(sibling.rfilename for sibling in info.siblings or ())
    tags = getattr(info.card_data, "tags", None) or []
    if not info.private and not public:
        raise PublishError(
            f"{target} is there already, and everyone can read it. Pass --public (training.hub_private_repo: false) if "
            "that is meant, or choose another name."
        )
    if info.private and public:
        raise PublishError(
            f"{target} is there already and is private, which a push does not change. Open it in its settings on the "
            "Hub, or leave --public out (training.hub_private_repo: true)."
        )
    if not allow_existing and TAG not in tags and set(files) - {*_OWN_FILES}:
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
    """Put the parts into the repository, in one commit; files of an earlier push that are no longer there go.

    Args:
        target: from `check_target`.
        parts: all that the model consists of.
        message: of the commit.
        public: whether a new repository is.
        revision: a branch, made where there is none; None is the main one.
        token: see `check_target`.

    Returns:
        What the client says of the commit; its `oid` is what `revision` takes.

    Raises:
        PublishError: what was sent is kept by the Hub, so the same push goes on from there.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    without_telemetry()
    api = _api(token)
    with Doing(target.repo_id):
        if not target.exists:
            _again(lambda: api.create_repo(target.repo_id, private=not public, exist_ok=True))
        if revision is not None:
            _again(lambda: api.create_branch(target.repo_id, branch=revision, exist_ok=True))
        held = target.files if revision is None else _again(lambda: _files(api, target.repo_id, revision))
        operations: list[Any] = [CommitOperationAdd(part.name, _content(part)) for part in parts]
        operations += [CommitOperationDelete(name) for name in _no_longer(held, parts)]
        commit: CommitInfo = _again(
            lambda: api.create_commit(target.repo_id, operations, commit_message=message, revision=revision)
        )
    return commit


def check_name(repo_id: str) -> None:
    """Complain about what can be no repository's name; raises ConfigError."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ConfigError(
            f"{repo_id!r} can be no repository's name: {' '.join(str(error).split())} Expected OWNER/NAME, or NAME."
        ) from error


class Doing:
    """A context in which errors of the Hub's client become `PublishError`s that say what to do.

    Args:
        repo_id: the repository that it is about.
    """

    def __init__(self, repo_id: str) -> None:
        self.repo_id = repo_id

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, PublishError | ConfigError):
            raise PublishError(_worded(error, self.repo_id)) from error


def _worded(error: BaseException, repo_id: str) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    hub = constants.ENDPOINT
    cause = cause_of(error)
    said = _said(cause)
    if _is_of_storage(cause) and (is_network(cause) or status_of(cause) not in (None, 413)):
        what = "does not take the model's files"
        if is_network(cause):
            what = "cannot be reached"
        elif status_of(cause) in TRANSIENT:
            what = f"answers with {status_of(cause)}, attempt after attempt"
        return f"The storage of {hub} {what} ({said}). {_ONCE_MORE} {_WITHOUT_XET}"
    match status_of(cause):
        case 401:
            return f"{hub} does not know this login ({said}). Log in anew with `hf auth login`, or set HF_TOKEN."
        case 403 if "storage" in said.lower():
            return f"{hub} has no room for {repo_id} ({said}). Free some there, or ask it for more."
        case 403:
            return (
                f"The login has no right to write to {repo_id} ({said}). Use a token with the role write, and a "
                "repository of your own or of an organisation that lets you write."
            )
        case 404:
            return f"{hub} has no repository {repo_id} that this login can see ({said})."
        case 409:
            return f"The name {repo_id} is taken ({said}). Choose another."
        case 413:
            return f"A file of the model is larger than {hub} takes ({said}). {_SMALLER}"
        case int(status) if status in TRANSIENT:
            often = "attempt after attempt" if is_of_xet(cause) else f"after {ATTEMPTS} attempts"
            return f"{hub} answers with {status} {often} ({said}). {_ONCE_MORE}"
    if isinstance(error, LocalTokenNotFoundError):
        return f"There is no login to {hub}. Log in with `hf auth login`, or set HF_TOKEN."
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it, and run the same command again."
    if is_network(cause):
        return f"{hub} cannot be reached ({said}). {_ONCE_MORE}"
    if "Invalid metadata in README.md" in str(error):
        return (
            f"{hub} does not take the card's metadata ({_said(error)}). Mend the lines between the --- of the card, "
            "and push again."
        )
    if "LFS batch API returned errors" in str(error):
        return f"{hub} does not take a file of the model ({_said(error)}). {_SMALLER}"
    return f"{repo_id} cannot be pushed to ({type(cause).__name__}: {said}). {_ONCE_MORE}"


_ONCE_MORE = "Push again; files that arrived whole are not sent again."
_WITHOUT_XET = "If it stays so, send them by way of the Hub itself: set HF_HUB_DISABLE_XET=1."
_SMALLER = "Save the weights in parts (`model.save_pretrained(FOLDER, max_shard_size='5GB')`), or ask it for more room."


def _said(error: BaseException) -> str:
    text = getattr(error, "server_message", None) or str(error)
    return textwrap.shorten(text, 200, placeholder=" …") or type(error).__name__


def _is_of_storage(error: BaseException) -> bool:
    """Whether an error is of the server that Xet sends files to, and not of the Hub."""
    return is_of_xet(error) and _XET_TOKEN not in str(error)


def _is_transient(error: BaseException, *, connected: bool) -> bool:
    if isinstance(error, json.JSONDecodeError):  # a page of a proxy where the Hub's answer should be
        return True
    if is_of_xet(error):  # it has made attempts of its own, for minutes
        return False
    offline = "OfflineModeIsEnabled" in {base.__name__ for base in type(error).__mro__}
    return status_of(error) in TRANSIENT or (connected and is_network(error) and not offline)


def _again(call: Callable[[], Result], *, connected: bool = True) -> Result:
    """Call, and call again after errors that pass by themselves.

    Args:
        call: what to do.
        connected: whether the Hub has answered before, so that a lost connection may come back.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: _is_transient(error, connected=connected)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=8),
        reraise=True,
    )
    return retrying(call)


def _api(token: str | None) -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name=TAG)


def _found(repo_id: str, token: str | None) -> Any:
    """What the Hub says of a repository; None where there is none, or none that this login can see."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return _api(token).model_info(repo_id)
    except RepositoryNotFoundError:
        return None


def _files(api: Any, repo_id: str, revision: str) -> tuple[str, ...]:
    return tuple(api.list_repo_files(repo_id, revision=revision))


def _check_right(repo_id: str, who: dict[str, Any]) -> None:
    """Complain where the answer to "who am I" rules a push out; what it does not say, the Hub says later."""
    owner, name = repo_id.split("/")
    role = (who.get("auth") or {}).get("accessToken", {}).get("role")
    if role == "read":
        raise PublishError(
            f"The token of {who['name']} may only read, so {repo_id} cannot be written. Make one with the role write "
            "at the Hub (Settings, Access Tokens), and log in with it: `hf auth login`."
        )
    mine = dict(_namespaces(who))
    if owner not in mine:
        raise PublishError(
            f"{who['name']} has no right to write to {repo_id}. Owners that this login can write to: "
            f"{', '.join(one for one, role in mine.items() if role != 'read')}; try {who['name']}/{name}."
        )
    if mine[owner] == "read":
        raise PublishError(f"{who['name']} may only read in {owner}; ask there for the right to write {repo_id}.")


def _namespaces(who: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(owner, role) of all in whose name this login can act."""
    yield who["name"], "admin"
    for organisation in who.get("orgs") or ():
        yield organisation["name"], organisation.get("roleInOrg", "write")


def _content(part: RepoFile) -> str | bytes:
    return part.content if isinstance(part.content, bytes) else str(part.content)
