"""A command line of scripts/train.py that is whole, to be broken.

A fault changes it and returns the words that the error must hold: the key, or the file and line.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlp_transfer.config.experiment import help_sections, help_training
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.tasks import TASKS, SequenceClassification
from tests.broken.corpora import Choose


@dataclass
class Settings:
    """A command line of scripts/train.py to break.

    Args:
        tree: what the file will hold; a fault of the text gives `text` instead.
        file: where it will lie.
        missing: whether it is not to be written.
        text: the file's bytes.
        options: what follows `--config FILE`.
    """

    tree: dict[str, Any]
    file: Path
    missing: bool = False
    text: bytes | None = None
    options: list[str] = field(default_factory=list)

    def arguments(self) -> list[str]:
        """Write the file. Returns the command line."""
        if not self.missing:
            self.file.write_bytes(to_yaml(self.tree).encode() if self.text is None else self.text)
        return ["--config", str(self.file), *self.options]

    def set(self, path: str, value: Any) -> None:
        """Set one value; `methods.NAME.KEY` makes the method the only one."""
        *steps, last = path.split(".")
        if steps[:1] == ["methods"]:
            self.tree["methods"] = [{"name": steps[1], last: value}]
            return
        node = self.tree
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = value


Strike = Callable[[Settings, Choose], tuple[str, ...]]
"""(settings, choose) -> the words that the message must hold."""


class SettingFaults(list[Strike]):
    """The faults of one module."""

    def add(self, strike: Strike) -> Strike:
        """Put the decorated strike among them."""
        self.append(strike)
        return strike


def documented() -> dict[str, Any]:
    """Every field's type by its path; of tasks the default one's."""
    others = {f"task: {name}" for name in TASKS if name != SequenceClassification.name}
    sections = [section for section in [*help_sections(), *help_training()] if section.title not in others]
    return {path: hint for section in sections for path, hint, *_ in section.fields}
