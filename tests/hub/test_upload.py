"""The real client against a Hub on loopback: who is let in, what arrives, and what an interruption costs."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import OfflineModeIsEnabled

from nlp_transfer.errors import ConfigError, NLPTransferError, PublishError
from nlp_transfer.hub.package import RepoFile, model_files
from nlp_transfer.hub.upload import ATTEMPTS, TAG, check_target, hub_errors, is_transient, upload
from tests.hub_server import DROP, OWNER, READER, STRANGER, Hub

CARD = RepoFile("README.md", f"---\ntags: [{TAG}]\n---\n# card\n".encode(), "the card")


@pytest.fixture
def parts(tiny_classifier: Path) -> list[RepoFile]:
    return [*model_files(tiny_classifier), CARD]


def push(parts: list[RepoFile], repo_id: str = "clauses", *, public: bool = False, **options) -> str:
    target = check_target(repo_id, name="run", public=public, allow_existing=options.pop("allow_existing", False))
    return upload(target, parts, message="a push", public=public, **options).oid


def refusal(repo_id: str | None = "clauses", *, public: bool = False, token: str | None = None) -> str:
    with pytest.raises(NLPTransferError) as caught:
        check_target(repo_id, name="run", public=public, token=token)
    return str(caught.value)


# ---- right use ----


def test_a_private_repository_holds_the_parts_and_no_more(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    commit = push(parts)
    repository = loopback_hub.repositories["ada/clauses"]
    assert repository.private
    assert repository.branches == {"main": commit}
    assert repository.messages == ["initial commit", "a push"]
    arrived = loopback_hub.files("ada/clauses")
    assert arrived == {part.name: part.read() for part in parts} | {".gitattributes": arrived[".gitattributes"]}


def test_a_large_file_goes_in_pieces(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    push(parts)
    size = next(part.size_bytes for part in parts if part.name == "model.safetensors")
    pieces = -(-size // 40_000)
    assert pieces > 1
    assert [line.rpartition("/")[2] for line in loopback_hub.sent()] == [str(i + 1) for i in range(pieces)]


def test_a_name_alone_is_of_the_one_who_is_logged_in(loopback_hub: Hub) -> None:
    assert check_target(None, name="run", public=False).repo_id == "ada/run"
    assert check_target("lab/clauses", name="run", public=False).repo_id == "lab/clauses"
    assert loopback_hub.repositories == {}  # to look changes nothing


def test_public_where_that_was_said(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    push(parts, public=True)
    assert not loopback_hub.repositories["ada/clauses"].private


def test_the_next_push_replaces_the_files_of_the_last(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    shard = RepoFile("model-00001-of-00002.safetensors", b"weights", "weights")
    first = push([*parts, shard, RepoFile("adapter/adapter_config.json", b"{}", "adapter")])
    HfApi().upload_file(path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id="ada/clauses")
    second = push(parts)
    assert sorted(loopback_hub.files("ada/clauses")) == sorted(
        [".gitattributes", "notes.txt", *(p.name for p in parts)]
    )
    assert first in loopback_hub.repositories["ada/clauses"].commits
    assert second != first


def test_a_branch_is_made_where_there_is_none(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    push([CARD])
    commit = push(parts, revision="v2")
    assert loopback_hub.repositories["ada/clauses"].branches["v2"] == commit
    assert sorted(loopback_hub.files("ada/clauses")) == [".gitattributes", "README.md"]
    assert "model.safetensors" in loopback_hub.files("ada/clauses", "v2")


def test_the_same_push_again_makes_no_commit(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    assert push(parts) == push(parts)
    assert loopback_hub.repositories["ada/clauses"].messages == ["initial commit", "a push"]


# ---- what passes by itself ----


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/whoami-v2"),
        ("GET", "/api/models/ada/clauses"),
        ("POST", "/repos/create"),
        ("POST", "/validate-yaml"),
        ("POST", "/preupload/"),
        ("POST", "/lfs/objects/batch"),
        ("PUT", "/part/2"),
        ("POST", "/complete"),
        ("POST", "/commit/"),
    ],
)
@pytest.mark.parametrize("status", [502, DROP])
def test_each_call_is_tried_again(
    loopback_hub: Hub, parts: list[RepoFile], method: str, path: str, status: int
) -> None:
    if (path, status) == ("/whoami-v2", DROP):
        pytest.skip("without a first answer there may be no network: that is said at once")
    loopback_hub.fail(method, path, status, times=2)
    push(parts)
    assert loopback_hub.files("ada/clauses")["model.safetensors"] == parts[1].read()
    assert loopback_hub.faults[0].times == 0


def test_a_hub_that_stays_away_is_said(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    loopback_hub.fail("POST", "/commit/", 503, times=ATTEMPTS)
    with pytest.raises(PublishError) as caught:
        push(parts)
    assert str(caught.value) == (
        f"{loopback_hub.url} answers with 503 after {ATTEMPTS} attempts (made to fail). Push again; "
        "files that arrived whole are not sent again."
    )


def test_what_was_sent_before_an_interruption_is_not_sent_again(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    loopback_hub.fail("POST", "/commit/", 500, times=ATTEMPTS)
    with pytest.raises(PublishError):
        push(parts)
    assert list(loopback_hub.files("ada/clauses")) == [".gitattributes"]  # no half a model
    assert loopback_hub.sent()
    loopback_hub.asked.clear()
    push(parts)
    assert loopback_hub.sent() == []
    assert loopback_hub.files("ada/clauses")["model.safetensors"] == parts[1].read()


# ---- who is not let in ----


def test_no_login(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert refusal() == f"There is no login to {loopback_hub.url}. Log in with `hf auth login`, or set HF_TOKEN."


def test_an_unknown_token(loopback_hub: Hub) -> None:
    text = refusal(token="hf_unknown")
    assert text.startswith(f"{loopback_hub.url} does not know this login (")
    assert text.endswith("Log in anew with `hf auth login`, or set HF_TOKEN.")
    assert "hf_unknown" not in text


def test_a_token_that_may_only_read(loopback_hub: Hub) -> None:
    assert refusal(token=READER) == (
        "The token of ada may only read, so ada/clauses cannot be written. Make one with the role write at the Hub "
        "(Settings, Access Tokens), and log in with it: `hf auth login`."
    )


def test_no_right_to_an_owner(loopback_hub: Hub) -> None:
    assert refusal("ada/clauses", token=STRANGER) == (
        "eve has no right to write to ada/clauses. Owners that this login can write to: eve; try eve/clauses."
    )
    assert refusal("court/clauses").startswith(
        "ada has no right to write to court/clauses. Owners that this login can "
    )


def test_a_right_that_the_hub_refuses_late(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    loopback_hub.fail("POST", "/preupload/", 403, said="fine-grained token")
    with pytest.raises(PublishError, match=r"The login has no right to write to ada/clauses \(.*fine-grained token"):
        push(parts)


def test_no_room(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    loopback_hub.fail("POST", "/preupload/", 403, said="Private repository storage limit reached")
    with pytest.raises(PublishError, match=r"has no room for ada/clauses \(.*storage limit reached.*Free some there"):
        push(parts)


def test_no_network(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    text = refusal()
    assert text.startswith(f"{url} cannot be reached (")
    assert text.endswith("Push again; files that arrived whole are not sent again.")


def test_offline_mode(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal() == "HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it, and run the same command again."
    assert loopback_hub.asked == []


def test_a_private_repository_is_not_opened(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    push([*parts, CARD])
    assert refusal(public=True) == (
        "ada/clauses is there already and is private, which a push does not change. Leave out --public "
        "(training.hub_private_repo), or choose another name."
    )
    assert loopback_hub.repositories["ada/clauses"].private


def test_a_name_that_is_taken(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    HfApi().create_repo("ada/clauses", private=True)
    HfApi().upload_file(path_or_fileobj=b"other", path_in_repo="config.json", repo_id="ada/clauses")
    assert refusal() == (
        "The name ada/clauses is taken: it holds 2 files (.gitattributes, config.json) and no card of a push. Choose "
        "another name, or pass --allow_existing to put a commit on top of them."
    )
    push(parts, allow_existing=True)
    assert loopback_hub.files("ada/clauses")["config.json"] == parts[0].read()


def test_a_repository_that_everyone_can_read(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    push([CARD], public=True)
    assert refusal() == (
        "ada/clauses is there already and is public, which a push does not change. Pass --public "
        "(training.hub_private_repo), or choose another name."
    )
    push(parts, public=True)


@pytest.mark.parametrize(("path", "status"), [("/part/1", 413), ("/preupload/", 413)])
def test_a_file_that_is_too_large(loopback_hub: Hub, parts: list[RepoFile], path: str, status: int) -> None:
    loopback_hub.fail("PUT" if "part" in path else "POST", path, status, said="larger than 50 GB")
    with pytest.raises(PublishError) as caught:
        push(parts)
    assert str(caught.value).startswith(f"A file of the model is larger than {loopback_hub.url} takes (")
    assert "max_shard_size='5GB'" in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "a/b/c", "-x", "x" * 97, "ada/x.git"])
def test_what_can_be_no_name(loopback_hub: Hub, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_target(name, name="run", public=False)
    assert str(caught.value).startswith(f"{name!r} can be no repository's name: ")
    assert str(caught.value).endswith("Expected OWNER/NAME, or NAME.")
    assert loopback_hub.asked == []


def test_a_card_that_the_hub_cannot_read(loopback_hub: Hub, parts: list[RepoFile]) -> None:
    bad = RepoFile("README.md", b"---\ntags: [\n---\n", "the card")
    with pytest.raises(
        PublishError, match=r"does not take the card's metadata \(Invalid metadata in README\.md\. - bad"
    ):
        push([*parts[:-1], bad])
    assert loopback_hub.sent() == []


def test_a_token_is_in_no_message(loopback_hub: Hub, parts: list[RepoFile], caplog: pytest.LogCaptureFixture) -> None:
    loopback_hub.fail("POST", "/commit/", 500, times=ATTEMPTS)
    with pytest.raises(PublishError) as caught:
        push(parts)
    assert OWNER not in str(caught.value) + caplog.text


class Answer(Exception):
    """An error of the client that holds the Hub's answer."""

    def __init__(self, status: int, text: str = "no") -> None:
        super().__init__(text)
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Answer(401), "@ does not know this login (no). Log in anew with `hf auth login`, or set HF_TOKEN."),
        (
            Answer(403, "Private storage limit"),
            "@ has no room for a/b (Private storage limit). Free some there, or ask it for more.",
        ),
        (Answer(404), "@ has no repository a/b that this login can see (no)."),
        (Answer(409), "The name a/b is taken (no). Choose another."),
        (
            Answer(503),
            "@ answers with 503 after 4 attempts (no). Push again; files that arrived whole are not sent again.",
        ),
        (
            RuntimeError("Network error: HTTP status server error (500 Internal Server Error), domain: https://cas"),
            "The storage of @ answers with 500, attempt after attempt (Network error: HTTP status server error (500 "
            "Internal Server Error), domain: https://cas). Push again; files that arrived whole are not sent again. If "
            "it stays so, send them by way of the Hub itself: set HF_HUB_DISABLE_XET=1.",
        ),
        (
            KeyError("x"),
            "a/b cannot be pushed to (KeyError: 'x'). Push again; files that arrived whole are not sent again.",
        ),
    ],
)
def test_messages(error: Exception, message: str) -> None:
    with pytest.raises(PublishError) as caught, hub_errors("a/b"):
        raise error
    assert caught.value.problems == [message.replace("@", constants.ENDPOINT)]
    assert caught.value.__cause__ is error


def test_own_errors_pass() -> None:
    with pytest.raises(ConfigError, match="mine"), hub_errors("a/b"):
        raise ConfigError("mine")


def test_attempts() -> None:
    assert [is_transient(Answer(status), connected=False) for status in (429, 500, 503, 403, 409)] == [
        *[True] * 3,
        *[False] * 2,
    ]
    assert is_transient(json.JSONDecodeError("no JSON", "", 0), connected=False)
    lost = ConnectionError("reset")
    assert [is_transient(lost, connected=connected) for connected in (True, False)] == [True, False]
    assert not is_transient(OfflineModeIsEnabled("offline"), connected=True)
    assert not is_transient(ConnectionError("Network error: reset"), connected=True)  # Xet's, which tried for minutes
