"""What went wrong between here and the Hub: the status of an answer, or no connection at all.

The client raises errors that hold the answer. Xet's library, which moves the large files, raises Python's plain errors,
`ConnectionError` for a 403 as for a lost network; their text alone says which it was.
"""

import re

_OF_XET = re.compile(r"(?:Network|Server|Authentication|Internal) error: |Timeout: ")
"""How the errors of Xet's library begin."""

_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})\b")


def cause_of(error: BaseException) -> BaseException:
    """The first of an error and its causes that says what went wrong; the last cause where none does."""
    while error.__cause__ is not None and status_of(error) is None and not is_network(error):
        error = error.__cause__
    return error


def status_of(error: BaseException) -> int | None:
    """The status of the answer that an error is about; None where it is about none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    found = _XET_STATUS.search(str(error)) if is_of_xet(error) else None
    return int(found.group(1)) if found else None


def is_network(error: BaseException) -> bool:
    """Whether a connection failed. The client has changed its HTTP library more than once, so it goes by names."""
    names = {base.__name__ for base in type(error).__mro__}
    return status_of(error) is None and bool(names & {"TransportError", "ConnectionError", "Timeout", "TimeoutError"})


def is_of_xet(error: BaseException) -> bool:
    """Whether Xet's library raised it."""
    return _OF_XET.match(str(error)) is not None
