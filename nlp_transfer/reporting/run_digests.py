"""Keep the SHA-256 of a finished run's results, and check them against it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import file_digest
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.report import BASELINES, METRICS_FILE, REPORT

LOG = "log.jsonl"
"""The file of the Trainer's log in a run's folder."""

RESULTS = (METRICS_FILE, BASELINES, REPORT, PREDICTIONS, LOG)
"""Files of a finished run that are read again: `run.json` holds their SHA-256."""


def result_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 (hex) of each result in a run's folder, by the file's name."""
    return {name: file_digest(folder / name) for name in RESULTS if (folder / name).is_file()}


def check_results(folder: Path, record: Mapping[str, Any], *, complete: bool) -> None:
    """Check that the results of a finished run are those that it wrote; require all of them if `complete`."""
    problems = []
    for name, expected in record.get("results", {}).items():
        place = folder / name
        try:
            if (complete or place.exists()) and name in RESULTS and file_digest(place) != expected:
                problems.append(f"{place} was changed after the run had finished.")
        except OSError as error:
            problems.append(f"{place} cannot be read: {error.strerror or error}.")
    if problems:
        advice = f"Put the files back as they were, or delete {folder} and make the run again."
        raise CheckpointError([f"{problem} {advice}" for problem in problems])
