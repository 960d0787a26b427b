"""Errors of the Hub's client become one message with the remedy, and only errors that pass are tried again."""

import json
from types import SimpleNamespace

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.hub.push_errors import hub_errors, is_transient


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
