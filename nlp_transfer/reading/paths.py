"""What cannot be the path of a file or folder, or may not be looked at."""

import os
from pathlib import Path

from nlp_transfer.errors import shown

NAME_BYTES = 255
"""The longest name of a file or folder that file systems take."""


def utf8_problem(path: str | os.PathLike[str]) -> str | None:
    """Word that a path is not UTF-8, in which reports and JSON files are written; None where it is."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return f"the name {shown(os.fspath(path))} is not UTF-8, as files are written here. Rename it, in UTF-8."
    return None


def path_problems(key: str, path: str) -> list[str]:
    """Word why no run can use a path: empty, not UTF-8, too long, a NUL character, a file on its way, no permission.

    Args:
        key: where it stands in the configuration, for the message.
        path: what was written.

    Returns:
        One message, or none; that nothing is there is no problem here.
    """
    if not path:
        return [f"{key} is empty; expected a path. An empty one would be the folder in which the command runs."]
    if problem := utf8_problem(path):
        return [f"{key}: {problem}"]
    try:
        whole = Path(path).expanduser()
        if any(len(os.fsencode(name)) > NAME_BYTES for name in whole.parts):
            return [f"{key}: {shown(path)} cannot be a path: a name in it has more than {NAME_BYTES} bytes."]
        whole.lstat()
    except FileNotFoundError:
        pass
    except PermissionError as error:
        return [f"{key}: {shown(path)} cannot be looked at: {error.strerror}. Get the right to, or name another path."]
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return [f"{key}: {shown(path)} cannot be a path: {reason}."]
    return []
