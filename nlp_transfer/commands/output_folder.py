"""Check the folder that a command writes to."""

import os
from pathlib import Path

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import utf8_problem


def check_empty_folder(path: str | os.PathLike[str], option: str) -> Path:
    """Return the path of a new or empty folder, hidden files apart; `option` names it in the CheckpointError."""
    if not os.fspath(path):
        raise CheckpointError(f"{option} is empty; name a new folder.")
    if problem := utf8_problem(path):
        raise CheckpointError(f"{option}: {problem}")
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{option} {folder} is a file; name a new folder.")
    held = sorted(item.name for item in folder.iterdir() if not item.name.startswith(".")) if folder.exists() else []
    if held:
        listed = ", ".join(held[:5]) + (", …" if len(held) > 5 else "")
        raise CheckpointError(f"{option} {folder} is not empty: {listed}. Nothing in it is touched; name a new folder.")
    return folder
