"""Upload to the Hub by its own client: rights, a private repository, one commit, errors with the remedy.

A commit is made when all large files are there, so a repository never holds half a model. Large files that arrived
before an interruption are not sent again. They go by Xet to a server of its own; where only the Hub can be reached,
`HF_HUB_DISABLE_XET=1` sends them by Git LFS. Transient errors (5xx, 429, a lost connection) are tried again, here or
by the client.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.hub.package import RepoFile, is_pushed_file
from nlp_transfer.hub.push_errors import ATTEMPTS, hub_errors, is_transient
from nlp_transfer.models.files.download import without_telemetry

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo

CARD = "README.md"

TAG = "nlp-transfer"
"""A tag of every card, which marks a repository as made by a push."""

_OWN_FILES = {".gitattributes"}
"""Files that the Hub puts into a new repository by itself."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Repository:
    """Hold a repository that may be written to."""

    repo_id: str
    exists: bool = False
    files: tuple[str, ...] = ()
    head: str | None = None

    def replaced(self, parts: "Sequence[RepoFile]") -> str | None:
        """Describe what a push to the main branch replaces; None where it holds nothing."""
        if not set(self.files) - _OWN_FILES:
            return None
        gone = _no_longer(self.files, parts)
        return (
            f"{self.repo_id} holds a model already, which stays there at revision {self.head}. This one takes its place"
            + (f", and what it does not have goes: {', '.join(gone)}." if gone else ".")
        )


def _no_longer(held: Sequence[str], parts: "Sequence[RepoFile]") -> list[str]:
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
        token: None is the login of this machine.

    Raises:
        PublishError: no login, no right, no network; the name is taken; the repository is public.
    """
    target = repo_id or name
    check_name(target)
    with hub_errors(target):
        who = _again(lambda: _api(token).whoami(), connected=False)
    owner, _, own = target.rpartition("/")
    target = f"{owner or who['name']}/{own}"
    _check_right(target, who)
    with hub_errors(target):
        info = _again(lambda: _repository_info(target, token))
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
        token: None is the login of this machine.

    Raises:
        PublishError: it failed. The Hub keeps the files that arrived, and the same push continues from there.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    without_telemetry()
    api = _api(token)
    with hub_errors(target.repo_id):
        if not target.exists:
            _again(lambda: api.create_repo(target.repo_id, private=not public, exist_ok=True))
        if revision is not None:
            _again(lambda: api.create_branch(target.repo_id, branch=revision, exist_ok=True))
        held = (
            target.files
            if revision is None
            else tuple(_again(lambda: api.list_repo_files(target.repo_id, revision=revision)))
        )
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
    """Call, and call again after transient errors; see `is_transient`."""
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


def _repository_info(repo_id: str, token: str | None) -> Any:
    """Return the Hub's information on a repository; None if this login sees none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return _api(token).model_info(repo_id)
    except RepositoryNotFoundError:
        return None


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
    if owner not in mine:
        raise PublishError(
            f"{who['name']} has no right to write to {repo_id}. Owners that this login can write to: "
            f"{', '.join(one for one, role in mine.items() if role != 'read')}; try {who['name']}/{name}."
        )
    if mine[owner] == "read":
        raise PublishError(f"{who['name']} may only read in {owner}; ask there for the right to write {repo_id}.")
