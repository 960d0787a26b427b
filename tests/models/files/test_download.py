"""A Hub model is a folder of the cache; without a network it is said that one is needed, at once."""

import json
import shutil
import socket
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import nlp_transfer
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.files.download import cause_of, is_network, is_of_xet, model_folder, status_of
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from tests.hub_server import STRANGER, Hub
from tests.tiny_runs import tiny_encoder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub, and no network: names are not resolved."""

    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def cached(cache: Path) -> Path:
    """The folder of a model in the cache, laid out as the Hub's client does: links to `blobs`."""
    repository = cache / "models--some--model"
    snapshot = tiny_encoder(repository / "snapshots" / COMMIT)
    return _linked(repository, snapshot)


def _linked(repository: Path, snapshot: Path) -> Path:
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for path in list(snapshot.iterdir()):
        shutil.move(path, repository / "blobs" / path.name)
        path.symlink_to(Path("../../blobs") / path.name)
    return snapshot


def test_no_network_is_said_at_once(cache: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        load_tokenizer(ModelReference("some/model"))
    assert time.perf_counter() - started < 5
    assert str(caught.value) == (
        "model: some/model is not a folder here, and as a Hub id it cannot be fetched: there is no network, and it is "
        f"not in the cache ({cache}). Check the name; or fetch it where there is a network with "
        "`hf download some/model --local-dir model`, copy that folder here and name it."
    )


def test_offline_by_wish_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"cannot be fetched: HF_HUB_OFFLINE is set, and it is not in the cache \("):
        model_folder("some/model")


def test_a_model_in_the_cache_needs_no_network(cached: Path) -> None:
    assert model_folder("some/model") == cached
    assert model_folder("some/model", revision=COMMIT) == cached
    loaded = load_encoder_with_head(ModelReference("some/model"), label_names=["a", "b"])
    assert loaded.origin == f"Hub model some/model at revision {COMMIT}"
    assert len(load_tokenizer(ModelReference("some/model"))) == 30


def test_the_cache_s_own_links_are_no_way_out_of_a_folder_with_a_manifest(cache: Path) -> None:
    repository = cache / "models--some--model"
    snapshot = tiny_encoder(repository / "snapshots" / COMMIT)
    write_manifest(snapshot)
    _linked(repository, snapshot)
    assert model_folder("some/model") == snapshot
    (repository / "blobs" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"config\.json has 2 bytes, but manifest\.json says"):
        model_folder("some/model")


def test_a_blobs_folder_that_leads_elsewhere_is_a_way_out(cache: Path, tmp_path: Path) -> None:
    repository = cache / "models--some--model"
    snapshot = tiny_encoder(repository / "snapshots" / COMMIT)
    write_manifest(snapshot)
    _linked(repository, snapshot)
    shutil.move(repository / "blobs", tmp_path / "secrets")
    (repository / "blobs").symlink_to(tmp_path / "secrets")
    with pytest.raises(CheckpointError, match="which leads to what is outside this folder"):
        model_folder("some/model")


def test_only_what_is_read_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict] = []

    def snapshot_download(name: str, **options: object) -> str:
        asked.append({"name": name, **options})
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    model_folder("some/model", revision="v1")
    model_folder("some/model", trust_remote_code=True)
    files = ["*.json", "*.txt", "*.model", "*.codes", "*.jinja", "model*.safetensors"]
    assert asked == [
        {"name": "some/model", "revision": "v1", "allow_patterns": files, "ignore_patterns": ["*/*"]},
        {"name": "some/model", "revision": None, "allow_patterns": [*files, "*.py"], "ignore_patterns": ["*/*"]},
    ]


def test_what_the_hub_answers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise RuntimeError("404 Client Error.\n\nRepository Not Found")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    with pytest.raises(ConfigError) as caught:
        model_folder("some/model")
    assert str(caught.value) == (
        "model: some/model cannot be fetched from the Hub (RuntimeError: 404 Client Error. Repository Not Found). Check "
        "the name and `revision`; log in with `hf auth login` if it is private or gated; or name a local folder."
    )


def refusal(name: str, revision: str | None = None) -> str:
    with pytest.raises(CheckpointError) as caught:
        nlp_transfer.load(name, revision=revision)
    return str(caught.value)


@pytest.mark.parametrize("name", ["owner/missing", "missing"])
def test_a_model_that_is_not_there(loopback_hub: Hub, name: str) -> None:
    assert refusal(name) == (
        f"{name} is not a folder here, and {loopback_hub.url} has no such model; or it is private, and this login may not "
        "see it. Check the name. Log in with `hf auth login`, or set HF_TOKEN, if it is private; or name a local folder."
    )


def test_a_model_that_is_private(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    HfApi().create_repo("ada/clauses", private=True)
    for token, seen in ((STRANGER, "this login may not see it"), (None, "nobody is logged in here")):
        monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        assert refusal("ada/clauses") == (
            f"ada/clauses is not a folder here, and {loopback_hub.url} has no such model; or it is private, and {seen}. "
            "Check the name. Log in with `hf auth login`, or set HF_TOKEN, if it is private; or name a local folder."
        )


def test_what_else_keeps_a_model_from_coming(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    url = loopback_hub.url
    HfApi().create_repo("ada/clauses", private=True)
    assert refusal("ada/clauses", "v9") == (
        "ada/clauses has no revision v9 on the Hub. Expected a commit, a tag or a branch of it."
    )
    assert refusal("ada/clauses") == (
        "ada/clauses is on the Hub and holds no file of a model (*.json, *.txt, *.model, *.codes, *.jinja, "
        "model*.safetensors). Check the name and `revision`."
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", f"{constants.HF_HUB_CACHE}_other")
    for status in (429, 500, 503):
        loopback_hub.fail("GET", "/api/models/ada/", status, times=20)
        assert refusal("ada/clauses") == (
            f"ada/clauses cannot be fetched: {url} answers with {status}. Try again later; or name a local folder."
        )
        loopback_hub.faults.clear()
    loopback_hub.fail("GET", "/api/models/ada/", 403)
    assert refusal("ada/clauses") == (
        "ada/clauses cannot be fetched: this login has no right to read it. Use a token that may."
    )
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    assert refusal("ada/clauses") == (
        f"ada/clauses cannot be fetched: {url} does not know this login. Log in anew with `hf auth login`, or set "
        "HF_TOKEN."
    )
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert refusal("ada/clauses").startswith(
        "ada/clauses is not a folder here, and as a Hub id it cannot be fetched: there is no network, and it is not in "
    )


def test_what_xet_raises_goes_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise ConnectionError(
            f"Network error: Request error: HTTP status client error ({status}), domain: http://cas/v1"
        )

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    status = "403 Forbidden"
    assert "this login has no right to read it" in refusal("some/model")
    status = "416 Range Not Satisfiable"
    assert "answers with 416" in refusal("some/model")


def test_a_long_answer_is_cut_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise RuntimeError("permission " * 100)

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    assert "permission permission …). Check the name" in refusal("some/model")


def test_a_model_from_the_hub_is_checked_like_a_folder(cached: Path) -> None:
    place = cached / "tokenizer_config.json"
    tree = {**json.loads(place.read_text()), "fast_tokenizer_files": ["../tokenizer.5.0.0.json"]}
    place.unlink()
    place.write_text(json.dumps(tree))
    with pytest.raises(CheckpointError, match="fast_tokenizer_files is"):
        load_tokenizer(ModelReference("some/model"))


REQUEST = "error: Request error: HTTP status"


@pytest.mark.parametrize(
    ("error", "status", "network"),
    [
        # As hf_xet 1.8 raised them against a server on loopback; older ones say "for url (…)".
        (ConnectionError(f"Network {REQUEST} client error (403 Forbidden), domain: http://h/v2/shards"), 403, False),
        (ConnectionError(f"Network {REQUEST} client error (404 Not Found) for url (http://h/v1)"), 404, False),
        (ConnectionError(f"Server {REQUEST} server error (503 Service Unavailable), domain: http://h/v1"), 503, False),
        (
            ConnectionError("Network error: Request middleware error: error sending request for url (http://h)"),
            None,
            True,
        ),
        (TimeoutError("Timeout: no answer"), None, True),
        (RuntimeError("Internal error: Invalid response"), None, False),
        (ConnectionResetError("reset"), None, True),
        (RuntimeError("a text about HTTP status client error (404 Not Found)"), None, False),
    ],
)
def test_by_status_or_by_name(error: Exception, status: int | None, network: bool) -> None:
    assert (status_of(error), is_network(error)) == (status, network)


def test_the_cause_is_the_first_that_says_something() -> None:
    cause, top = ConnectionError(f"Server {REQUEST} server error (500 Internal Server Error)"), ValueError("it failed")
    top.__cause__ = RuntimeError("in between")
    top.__cause__.__cause__ = cause
    cause.__cause__ = OSError("below")
    assert cause_of(top) is cause
    assert is_of_xet(cause)
    assert not is_of_xet(top)
