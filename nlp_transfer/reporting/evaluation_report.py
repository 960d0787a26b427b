"""What a saved model scores on a corpus: on the terminal, as report.md, and as files beside it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import make_private_folder, write_json, write_text
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.reporting.markdown import section_markdown
from nlp_transfer.reporting.predictions import KEYS, write_predictions
from nlp_transfer.reporting.report import BASELINES, MODEL, CorpusFacts
from nlp_transfer.reporting.sections.results import legend, split_blocks
from nlp_transfer.reporting.terminal import shown_results
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Section, escape_markdown

DOMAIN = "target"
"""What a corpus is to a model that is trained already."""


@dataclass(frozen=True)
class Evaluation:
    """What a saved model scores on one split of a corpus.

    Args:
        model: where the model came from.
        task: the name of its task.
        corpus: which rows the numbers are about.
        split: the split that was scored.
        metrics: the scores of the split.
        baselines: the same of what stands beside a summariser, by name.
        settings: what was set otherwise than in the model's run, by name.
        paths: what was written, by a word for it.
    """

    model: str
    task: str
    corpus: CorpusFacts
    split: str
    metrics: dict[str, Any]
    baselines: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def summary(self) -> RenderableType:
        """The scores, over all and per class, and the paths, for a terminal."""
        systems = {MODEL: self.metrics, **self.baselines}
        parts: list[RenderableType] = [*shown_results(TASKS[self.task], systems, self.split)]
        parts += [Text(note, overflow="fold") for note in (*self._otherwise(), *self.corpus.notes)]
        width = max(map(len, self.paths), default=0)
        parts += [Text(f"{name:<{width}}  {path}", overflow="fold") for name, path in self.paths.items()]
        return Group(*parts)

    def markdown(self) -> str:
        """The same for `report.md`, with the confusion matrix, the corpus and the libraries' versions."""
        return "\n".join(self._sections()) + "\n"

    def write(self, folder: Path, predictions: Iterable[dict[str, Any]], keys: Sequence[str] = KEYS) -> "Evaluation":
        """Write everything, the scores last; the evaluation with the paths.

        Args:
            folder: a new one, or empty.
            predictions: lines as `write_predictions` takes them.
            keys: see `write_predictions`.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        paths = {
            "predictions": folder / "predictions.jsonl.gz",
            "report": folder / "report.md",
            "metrics": folder / "metrics.json",
        }
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

    def _otherwise(self) -> list[str]:
        """What was set, as a line; none where nothing was."""
        given = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return [f"Otherwise than in the model's run: {given}."] if given else []

    def _sections(self) -> Iterator[str]:
        systems, task = {MODEL: self.metrics, **self.baselines}, TASKS[self.task]
        yield f"# {escape_markdown(self.model)} on {escape_markdown(self.corpus.origin)}\n"
        yield f"## Results on {self.split} ({self.metrics['rows']:,} {task.wording.unit})\n"
        yield section_markdown(Section("", split_blocks(task, systems)))
        yield f"{legend(task)}\n"
        yield from (f"{escape_markdown(line)}\n" for line in self._otherwise())
        yield "## Corpus\n"
        yield f"- rows: {', '.join(f'{name} {count:,}' for name, count in self.corpus.rows.items())}"
        yield f"- fingerprint: `{self.corpus.fingerprint}`"
        yield from (f"- {escape_markdown(note)}" for note in self.corpus.notes)
        yield "\n## Versions\n"
        yield ", ".join(f"{name} {version or 'not installed'}" for name, version in library_versions().items())
