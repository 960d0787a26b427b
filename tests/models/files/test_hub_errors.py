"""An error of the Hub's client or of Xet's library goes by the status in it, and is a lost network only without one."""

import pytest

from nlp_transfer.models.files.hub_errors import cause_of, is_network, is_of_xet, status_of

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
