"""Find the cause of an error of the Hub's client: the status of an answer, or a failed connection.

The client raises errors that hold the answer. Xet's library, which moves the large files, raises Python's plain errors,
`ConnectionError` for a 403 as for a lost network; the text decides.
"""

import re

_OF_XET = re.compile(r"(?:Network|Server|Authentication|Internal) error: |Timeout: ")
"""The beginning of errors of Xet's library."""

_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})\b")


def cause_of(error: BaseException) -> BaseException:
    """Return the first of an error and its causes with a known reason; the last cause where none has one."""
    while error.__cause__ is not None and status_of(error) is None and not is_network(error):
        error = error.__cause__
    return error


def status_of(error: BaseException) -> int | None:
    """Return the status of the answer that an error is about; None where it is about none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    found = _XET_STATUS.search(str(error)) if is_of_xet(error) else None
    return int(found.group(1)) if found else None


def is_network(error: BaseException) -> bool:
    """Return True if a connection failed; by names, since the client changed its HTTP library more than once."""
    names = {base.__name__ for base in type(error).__mro__}
    return status_of(error) is None and bool(names & {"TransportError", "ConnectionError", "Timeout", "TimeoutError"})


def is_of_xet(error: BaseException) -> bool:
    """Return True if Xet's library raised it."""
    return _OF_XET.match(str(error)) is not None
