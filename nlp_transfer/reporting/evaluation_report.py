"""Report the scores of a saved model on a corpus: in a terminal, as report.md, and as files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import make_private_folder, write_json, write_text
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.reporting.markdown import section_markdown
from nlp_transfer.reporting.predictions import KEYS, PREDICTIONS, write_predictions
from nlp_transfer.reporting.report import BASELINES, METRICS_FILE, MODEL, CorpusFacts
from nlp_transfer.reporting.sections.record import corpus_lines, version_list
from nlp_transfer.reporting.sections.results import legend, split_blocks
from nlp_transfer.reporting.terminal import path_lines, split_summary
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Figure, Section, escape_markdown

DOMAIN = "target"
"""The domain of a corpus to a model that is trained already."""


@dataclass(frozen=True)
class Evaluation:
    """Hold the scores of a saved model on one split of a corpus; `settings` are those that differ from its run."""

    model: str
    task: str
    corpus: CorpusFacts
    split: str
    metrics: dict[str, Any]
    baselines: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def systems(self) -> dict[str, dict[str, Any]]:
        """Return the scores of the model and of every baseline."""
        return {MODEL: self.metrics, **self.baselines}

    @property
    def headline(self) -> str:
        """Return the scores as sentences, compared with the best baseline."""
        return TASKS[self.task].headline(self.split, self.metrics, self.baselines)

    def summary(self) -> RenderableType:
        """Return the scores, over all and per class, the paths, and last the headline, for a terminal."""
        parts: list[RenderableType] = [*split_summary(TASKS[self.task], self.systems, self.split)]
        parts += [Text(note, overflow="fold") for note in (*self._changed_settings(), *self.corpus.notes)]
        return Group(*parts, *path_lines(self.paths), Text(f"\n{self.headline}"))

    def markdown(self) -> str:
        """Return the scores for `report.md`, with the confusion matrix, the corpus and the libraries' versions."""
        task = TASKS[self.task]
        blocks = split_blocks(task, self.systems)
        parts = [
            f"# {escape_markdown(self.model)} on {escape_markdown(self.corpus.origin)}\n",
            f"{self.headline}\n",
            f"## Results on {self.split} ({self.metrics['rows']:,} {task.wording.unit})\n",
            section_markdown(Section("", tuple(one for one in blocks if not isinstance(one, Figure)))),
            f"{legend(task)}\n",
            *(f"{escape_markdown(line)}\n" for line in self._changed_settings()),
            f"## Corpus\n\n{corpus_lines(self.corpus)}\n",
            f"## Versions\n\n{version_list(library_versions())}\n",
        ]
        return "\n".join(parts)

    def write(self, folder: Path, predictions: Iterable[dict[str, Any]], keys: Sequence[str] = KEYS) -> "Evaluation":
        """Write everything, the scores last; return the evaluation with the paths."""
        paths = {"predictions": folder / PREDICTIONS, "report": folder / "report.md", "metrics": folder / METRICS_FILE}
        if self.baselines:
            paths["baselines"] = folder / BASELINES
        try:
            make_private_folder(folder)  # predictions of summaries are texts
            if self.baselines:
                scores = {name: {DOMAIN: {self.split: one}} for name, one in self.baselines.items()}
                write_json(paths["baselines"], scores)
            write_predictions(paths["predictions"], predictions, keys)
            write_text(paths["report"], self.markdown())
            write_json(paths["metrics"], {DOMAIN: {self.split: self.metrics}})
        except OSError as error:
            raise CheckpointError(f"--output_dir {folder} cannot be written: {error.strerror or error}.") from error
        return replace(self, paths={word: str(path) for word, path in paths.items()})

    def _changed_settings(self) -> list[str]:
        given = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return [f"Otherwise than in the model's run: {given}."] if given else []
