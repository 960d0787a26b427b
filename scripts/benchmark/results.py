"""The file of measurements: written anew after each, so that an interrupted session can be continued."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import write_json
from nlp_transfer.reporting.config_record import config_differences
from scripts.benchmark.measuring import Measurement
from scripts.benchmark.settings import Side

PARTS = ("benchmark", "environment", "measurements")
"""The keys of the file: the benchmark file's tree, what it was measured on, and the measurements."""


@dataclass(frozen=True)
class Key:
    """Identify a measurement.

    Args:
        case: the case's name.
        side: whose run it is.
        pair: its number among the repeats; the stock run of the same number was measured beside it.
        seed: of training.
        rows: training rows in place of the case's; None for those of the case.
        processes: how many shared the work.
    """

    case: str
    side: Side
    pair: int
    seed: int
    rows: int | None = None
    processes: int = 1


class Results:
    """Hold measurements by key, and keep them in a file.

    Args:
        path: the file; read where it exists, else begun, so that one that cannot be written is known at once.
        benchmark: the tree of the benchmark file.
        environment: what is measured on.

    Raises:
        CheckpointError: the file holds measurements of another benchmark, machine or version, or is no such file, or
            cannot be written.
    """

    def __init__(self, path: str | Path, benchmark: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.benchmark = dict(benchmark)
        self.environment = dict(environment)
        self.found: dict[Key, Measurement] = {}
        if self.path.exists():
            self._read()
        else:
            self._write()

    def add(self, key: Key, measurement: Measurement) -> None:
        """Keep a measurement, and write the file.

        Raises:
            CheckpointError: it cannot be written.
        """
        self.found[key] = measurement
        self._write()

    def _write(self) -> None:
        lines = [{**asdict(known), **asdict(one)} for known, one in self.found.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, dict(zip(PARTS, (self.benchmark, self.environment, lines), strict=True)))
        except OSError as error:
            raise CheckpointError(f"--output {self.path} cannot be written: {error.strerror or error}.") from error

    def _read(self) -> None:
        try:
            tree = json.loads(self.path.read_text())
            benchmark, environment, lines = (tree[part] for part in PARTS)
            names = Key.__dataclass_fields__
            for line in lines:
                key = Key(**{name: value for name, value in line.items() if name in names})
                self.found[key] = Measurement(**{name: value for name, value in line.items() if name not in names})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"--output {self.path} is there and holds no benchmark's measurements ({error!r}). Name another file."
            ) from error
        if not self.found:
            return
        for what, there, now in (
            ("of another benchmark file", benchmark, self.benchmark),
            ("from another machine or other versions", environment, self.environment),
        ):
            if different := config_differences(there, json.loads(json.dumps(now))):
                raise CheckpointError(
                    f"--output {self.path} holds measurements {what}. Name another file, or delete it. What differs "
                    "(there -> now):\n" + "\n".join(f"  {line}" for line in different)
                )
