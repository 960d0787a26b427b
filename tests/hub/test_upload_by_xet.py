"""The client's own way for large files, by the real hf_xet: the bytes arrive, and its errors say what they are."""

import socket
from pathlib import Path

import pytest

from nlp_transfer.errors import PublishError
from nlp_transfer.hub.package import RepoFile, model_files
from nlp_transfer.hub.upload import ATTEMPTS, TAG, check_target, upload
from tests.hub_server import Hub

pytest.importorskip("hf_xet")  # the client depends on it on the usual machines

ONCE_MORE = "Push again; files that arrived whole are not sent again."
WITHOUT = "If it stays so, send them by way of the Hub itself: set HF_HUB_DISABLE_XET=1."


@pytest.fixture
def parts(tiny_classifier: Path) -> list[RepoFile]:
    return [*model_files(tiny_classifier), RepoFile("README.md", f"---\ntags: [{TAG}]\n---\n".encode(), "the card")]


def push(parts: list[RepoFile]) -> str:
    return upload(check_target("clauses", name="run", public=False), parts, message="a push", public=False).oid


def refusal(parts: list[RepoFile]) -> str:
    with pytest.raises(PublishError) as caught:
        push(parts)
    return str(caught.value)


def test_weights_arrive_whole(loopback_xet: Hub, parts: list[RepoFile]) -> None:
    push(parts)
    arrived = loopback_xet.files("ada/clauses")
    assert arrived == {part.name: part.read() for part in parts} | {".gitattributes": arrived[".gitattributes"]}
    assert loopback_xet.sent() == [f"POST /v1/xorbs/default/{name}" for name in loopback_xet.xorbs]
    assert len(loopback_xet.xorbs) == 1
    assert not [line for line in loopback_xet.asked if "/lfs/" in line]


def test_nobody_is_told_what_was_sent(
    loopback_xet: Hub, parts: list[RepoFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    push(parts)
    assert not [line for line in loopback_xet.asked if "telemetry" in line]
    assert loopback_xet.sent()


def test_what_was_pushed_by_xet_loads(loopback_xet: Hub, parts: list[RepoFile], tiny_classifier: Path) -> None:
    import torch

    from nlp_transfer.tasks import saved_models

    push(parts)
    weights = saved_models.load("ada/clauses").model.state_dict()
    for name, expected in saved_models.load(tiny_classifier).model.state_dict().items():
        torch.testing.assert_close(weights[name], expected, rtol=0, atol=0)


def test_what_was_sent_before_an_interruption_is_not_sent_again(loopback_xet: Hub, parts: list[RepoFile]) -> None:
    loopback_xet.fail("POST", "/commit/", 500, times=ATTEMPTS)
    refusal(parts)
    assert list(loopback_xet.files("ada/clauses")) == [".gitattributes"]
    assert len(loopback_xet.sent()) == 1
    loopback_xet.asked.clear()
    push(parts)
    assert loopback_xet.sent() == []
    assert loopback_xet.files("ada/clauses")["model.safetensors"] == parts[1].read()


def test_what_had_not_arrived_whole_is_sent_again(loopback_xet: Hub, parts: list[RepoFile]) -> None:
    loopback_xet.fail("POST", "/v1/shards", 500, times=2)  # the chunks are there, what file they make is not said
    refusal(parts)
    assert loopback_xet.large == {}
    push(parts)
    assert len(loopback_xet.sent()) == 2
    assert loopback_xet.files("ada/clauses")["model.safetensors"] == parts[1].read()


@pytest.mark.parametrize("path", ["/xet-write-token/", "/v1/xorbs/", "/v1/shards"])
@pytest.mark.parametrize("status", [429, 502, 503])
def test_what_passes_by_itself_is_tried_again(loopback_xet: Hub, parts: list[RepoFile], path: str, status: int) -> None:
    loopback_xet.fail("GET" if "token" in path else "POST", path, status, times=1)  # hf_xet makes one more attempt here
    push(parts)
    assert loopback_xet.faults[0].times == 0
    assert loopback_xet.files("ada/clauses")["model.safetensors"] == parts[1].read()


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "{hub} does not know this login ({said}). Log in anew with `hf auth login`, or set HF_TOKEN."),
        (
            403,
            "The login has no right to write to ada/clauses ({said}). Use a token with the role write, and a "
            "repository of your own or of an organisation that lets you write.",
        ),
        (404, "{hub} has no repository ada/clauses that this login can see ({said})."),
        (503, f"{{hub}} answers with 503 attempt after attempt ({{said}}). {ONCE_MORE}"),
    ],
)
def test_what_the_hub_refuses(loopback_xet: Hub, parts: list[RepoFile], status: int, text: str) -> None:
    loopback_xet.fail("GET", "/xet-write-token/", status, times=100)
    found = refusal(parts)
    said = found.partition("(")[2].rpartition("). ")[0] if status != 404 else found.partition("(")[2].removesuffix(").")
    assert f"({status} " in said
    assert f"{loopback_xet.url}/api/models/ada/clauses/xet-write-token/main" in said
    assert found == text.format(hub=loopback_xet.url, said=said)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/xorbs/", 400, "Bad Request"),
        ("/v1/xorbs/", 401, "Unauthorized"),
        ("/v1/xorbs/", 403, "Forbidden"),
        ("/v1/xorbs/", 404, "Not Found"),
        ("/v1/shards", 404, "Not Found"),
        ("/v1/shards", 409, "Conflict"),
    ],
)
def test_what_the_storage_refuses(
    loopback_xet: Hub, parts: list[RepoFile], path: str, status: int, reason: str
) -> None:
    loopback_xet.fail("POST", path, status, times=100)
    found = refusal(parts)
    beginning = (
        f"The storage of {loopback_xet.url} does not take the model's files (Network error: Request error: HTTP status "
        f"client error ({status} {reason}), domain: {loopback_xet.url}{path}"
    )
    assert found.startswith(beginning)
    assert found.endswith(f"). {ONCE_MORE} {WITHOUT}")
    assert list(loopback_xet.files("ada/clauses")) == [".gitattributes"]


def test_a_file_that_is_too_large(loopback_xet: Hub, parts: list[RepoFile]) -> None:
    loopback_xet.fail("POST", "/v1/xorbs/", 413, times=100)
    found = refusal(parts)
    assert found.startswith(f"A file of the model is larger than {loopback_xet.url} takes (")
    assert "max_shard_size='5GB'" in found


def test_a_storage_that_stays_away(loopback_xet: Hub, parts: list[RepoFile]) -> None:
    loopback_xet.fail("POST", "/v1/xorbs/", 503, times=100)
    found = refusal(parts)
    assert found.startswith(
        f"The storage of {loopback_xet.url} answers with 503, attempt after attempt (Server error: Request error: HTTP "
        "status server error (503 Service Unavailable), domain: "
    )
    assert found.endswith(f"). {ONCE_MORE} {WITHOUT}")
    assert loopback_xet.faults[0].times == 100 - 2  # hf_xet's attempts, which take it minutes, are not multiplied


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_storage_that_cannot_be_reached(
    loopback_xet: Hub, parts: list[RepoFile], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    from tests import hub_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://{host}:{free.getsockname()[1]}"
    given = hub_server._Handler.xet_token
    monkeypatch.setattr(hub_server._Handler, "xet_token", lambda *a, **k: {**given(*a, **k), "casUrl": url})
    found = refusal(parts)
    assert found.startswith(f"The storage of {loopback_xet.url} cannot be reached (Network error: ")
    assert f"({url}/v1/" in found
    assert found.endswith(f"). {ONCE_MORE} {WITHOUT}")


def test_the_setting_that_the_messages_name(
    loopback_xet: Hub, parts: list[RepoFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # what HF_HUB_DISABLE_XET=1 sets at the start
    push(parts)
    assert loopback_xet.xorbs == {}
    assert loopback_xet.files("ada/clauses")["model.safetensors"] == parts[1].read()
