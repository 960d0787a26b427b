"""Report the scores of a saved model on a corpus: in a terminal, and as the files that a run's report has."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text as Line

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import make_private_folder, write_json, write_text
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.reporting.html import PAGE, sections_page
from nlp_transfer.reporting.markdown import sections_markdown
from nlp_transfer.reporting.predictions import KEYS, PREDICTIONS, write_predictions
from nlp_transfer.reporting.report import BASELINES, METRICS_FILE, MODEL, REPORT, CorpusFacts
from nlp_transfer.reporting.sections.record import corpus_lines, version_list
from nlp_transfer.reporting.sections.results import drawn_blocks, legend
from nlp_transfer.reporting.terminal import path_lines, split_summary
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Section, Text, escape_markdown

DOMAIN = "target"
"""The domain of a corpus to a model that is trained already."""

_ELSEWHERE = ("metrics", "baselines", "corpus", "more")  # fields that report.json does not hold under their names


@dataclass(frozen=True)
class Evaluation:
    """Hold the scores of a saved model on one split of a corpus.

    `settings` are those that differ from its run; `more` are the sections that its task adds.
    """

    model: str
    task: str
    corpus: CorpusFacts
    split: str
    metrics: dict[str, Any]
    baselines: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=library_versions)
    more: tuple[Section, ...] = ()

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
        parts += [Line(note, overflow="fold") for note in (*self._changed_settings(), *self.corpus.notes)]
        return Group(*parts, *path_lines(self.paths), Line(f"\n{self.headline}"))

    @property
    def title(self) -> str:
        """Return the model and the corpus."""
        return f"{self.model} on {self.corpus.origin}"

    def sections(self) -> tuple[Section, ...]:
        """Return the scores with their figures, the corpus and the libraries' versions."""
        task = TASKS[self.task]
        rows = f"{self.metrics['rows']:,} {task.wording.unit}"
        notes = (Text(legend(task)), *(Text(escape_markdown(line)) for line in self._changed_settings()))
        blocks = (*drawn_blocks(task, self.systems, self.split), *notes)
        return (
            Section(f"Results on {self.split} ({rows})", blocks),
            *self.more,
            Section("Corpus", (Text(corpus_lines(self.corpus)),)),
            Section("Versions", (Text(version_list(self.versions)),)),
        )

    def markdown(self) -> str:
        """Return the text of `report.md`."""
        return sections_markdown(self.title, [self.headline], self.sections())

    def page(self) -> str:
        """Return the page `report.html`."""
        return sections_page(self.title, [self.headline], self.sections())

    def write(self, folder: Path, predictions: Iterable[dict[str, Any]], keys: Sequence[str] = KEYS) -> "Evaluation":
        """Write everything, the scores last; return the evaluation with the paths."""
        paths = {"predictions": folder / PREDICTIONS, "report": folder / "report.md", "page": folder / PAGE}
        paths["metrics"] = folder / METRICS_FILE
        if self.baselines:
            paths["baselines"] = folder / BASELINES
        written = replace(self, paths={word: str(path) for word, path in paths.items()})
        try:
            make_private_folder(folder)  # predictions of summaries are texts
            if self.baselines:
                scores = {name: {DOMAIN: {self.split: one}} for name, one in self.baselines.items()}
                write_json(paths["baselines"], scores)
            write_predictions(paths["predictions"], predictions, keys)
            write_text(paths["report"], self.markdown())
            write_text(paths["page"], self.page())
            write_json(folder / REPORT, written._record())
            write_json(paths["metrics"], {DOMAIN: {self.split: self.metrics}})
        except OSError as error:
            raise CheckpointError(f"--output_dir {folder} cannot be written: {error.strerror or error}.") from error
        return written

    def _record(self) -> dict[str, Any]:
        """Return all but the scores, as `report.json` holds it, by the names that a run's has."""
        rest = {name: value for name, value in asdict(self).items() if name not in _ELSEWHERE}
        return {"title": self.title, "corpora": {DOMAIN: asdict(self.corpus)}, **rest}

    def _changed_settings(self) -> list[str]:
        given = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return [f"Otherwise than in the model's run: {given}."] if given else []
