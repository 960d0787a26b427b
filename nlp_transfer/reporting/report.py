"""Collect everything a reader needs to believe a number, and write it down.

`metrics.json` holds the model's scores, {domain: {split: scores}}; `baselines.json` the same under each baseline's
name; `report.json` the rest, so that `Report.read` gives the report back; `report.md` is for people.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group, RenderableType
from rich.text import Text

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import read_json, write_json, write_text
from nlp_transfer.reporting.config_record import config_record
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.tasks.blocks import Section, Table, section_of, section_record

if TYPE_CHECKING:
    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.tasks.base import DomainScores

DOMAINS = ("source", "target")
"""The domains of a run, in the order in which they are shown."""

METRICS_FILE = "metrics.json"
"""The file in a run's folder that holds the model's scores."""

BASELINES = "baselines.json"
"""The file that holds the baselines' scores."""

REPORT = "report.json"
"""The file that holds all of a report but its scores."""

MODEL = "model"
"""The trained model's name among the baselines."""


@dataclass(frozen=True)
class CorpusFacts:
    """Describe the rows that the numbers are about.

    Args:
        origin: where the corpus came from.
        fingerprint: SHA-256 (hex) of its splits.
        rows: how many rows each split has.
        notes: what was dropped, split, or found twice.
    """

    origin: str
    fingerprint: str
    rows: dict[str, int]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, corpus: "Corpus") -> Self:
        """Return the facts of a corpus."""
        rows = {name: len(split) for name, split in corpus.splits.items()}
        return cls(corpus.origin, corpus.fingerprint, rows, tuple(corpus.notes))


@dataclass(frozen=True)
class Cost:
    """Describe what a run took; None where it was not measured.

    Args:
        trainable_parameters: how many parameters were trained.
        total_parameters: how many the model has.
        train_seconds: wall time of training, a method's preparation included.
        evaluation_seconds: wall time of the final scoring of the model.
        tokens_trained: tokens that passed through training, without padding.
        peak_memory_bytes: the most main memory of this process.
        peak_gpu_bytes: the most memory of its GPU.
        hardware: what it was computed on and in which numbers, see `environment.hardware`.
    """

    trainable_parameters: int
    total_parameters: int
    train_seconds: float | None = None
    evaluation_seconds: float | None = None
    tokens_trained: int | None = None
    peak_memory_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    hardware: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield the cost as text, one measure a line."""
        share = self.trainable_parameters / max(self.total_parameters, 1)
        yield f"Parameters trained: {self.trainable_parameters:,} of {self.total_parameters:,} ({share:.2%})"
        if self.train_seconds is not None:
            speed = ""
            if self.tokens_trained and self.train_seconds > 0:
                speed = f", {self.tokens_trained:,} tokens, {self.tokens_trained / self.train_seconds:,.0f} tokens/s"
            yield f"Training: {self.train_seconds:,.1f} s{speed}"
        if self.evaluation_seconds is not None:
            yield f"Evaluation: {self.evaluation_seconds:,.1f} s"
        for name, held in (("Peak memory", self.peak_memory_bytes), ("Peak GPU memory", self.peak_gpu_bytes)):
            if held is not None:
                yield f"{name}: {held / 2**20:,.0f} MiB"
        if self.hardware is not None:
            yield f"Computed on: {self.hardware}"


@dataclass(frozen=True)
class Report:
    """Report one run: what was asked, what came out, what it took.

    Args:
        title: names the run, such as the output folder's name.
        task: the task's name.
        model: the pretrained encoder that was asked for.
        methods: the transfer methods' names, in their order.
        metrics: the model's scores by domain and split.
        corpora: by domain; the domains of `metrics` are among them.
        cost: what it took.
        config: the resolved configuration; secrets are left out where it is written.
        seeds: of training.
        baselines: scores as in `metrics`, by baseline.
        facts: what the methods chose and counted.
        findings: sections about the predictions.
        thresholds: the probability from which each label is predicted; empty for single-label.
        paths: what the run made, by a word for it (`model`, `predictions`, …); `write` adds its own.
        versions: of the libraries; found when not given.
        unpushed: why the model is not on the Hub, where it was to go there.
        warnings: what whoever uses the model must know first.

    Raises:
        ValueError: a domain other than `source` and `target`, or scores of a domain that is not in `corpora`.
    """

    title: str
    task: str
    model: str
    methods: tuple[str, ...]
    metrics: "DomainScores"
    corpora: dict[str, CorpusFacts]
    cost: Cost
    config: dict[str, Any]
    seeds: tuple[int, ...]
    baselines: "dict[str, DomainScores]" = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Section, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=library_versions)
    unpushed: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, domains in (("metrics", self.metrics), *self.baselines.items()):
            if unknown := [domain for domain in domains if domain not in DOMAINS]:
                raise ValueError(f"{what} has the domain {unknown[0]!r}; domains are {' and '.join(DOMAINS)}.")
            if missing := [domain for domain in domains if domain not in self.corpora]:
                raise ValueError(f"{what} has scores of {missing[0]!r}, but no corpus facts are given for it.")

    @property
    def method_names(self) -> str:
        """The methods as Markdown."""
        return " + ".join(f"`{name}`" for name in self.methods) or "full fine-tuning"

    @property
    def seed_words(self) -> str:
        """The seeds as text."""
        return f"seed{'s' if len(self.seeds) != 1 else ''} {', '.join(map(str, self.seeds))}"

    def finding(self, title: str) -> dict[str, str]:
        """Return the facts of the finding with a title, by their labels; empty where there is none."""
        tables = (block for one in self.findings if one.title == title for block in one.blocks)
        return {row[0]: row[1] for block in tables if isinstance(block, Table) for row in block.rows}

    def systems(self, domain: str, split: str) -> dict[str, dict[str, Any]]:
        """Return the scores of the model and of every baseline that was scored there."""
        named = {MODEL: self.metrics, **self.baselines}
        return {name: scores[domain][split] for name, scores in named.items() if split in scores.get(domain, {})}

    def headlines(self) -> Iterator[tuple[str, str]]:
        """Yield the (domain, split) that each domain is judged by: test, else validation, else its last split."""
        for domain in DOMAINS:
            splits = list(self.metrics.get(domain, {}))
            if splits:
                yield domain, next((name for name in ("test", "validation") if name in splits), splits[-1])

    def write(self, output_dir: str | os.PathLike[str]) -> Self:
        """Write `metrics.json`, `baselines.json` (if there are any), `report.json` and `report.md`, each at once.

        Returns:
            The report with those paths added.
        """
        from nlp_transfer.reporting.markdown import report_markdown

        folder = Path(output_dir)
        written = {"metrics": folder / METRICS_FILE, "report": folder / "report.md"}
        if self.baselines:
            written["baselines"] = folder / BASELINES
            write_json(written["baselines"], self.baselines)
        report = replace(self, paths={**self.paths, **{name: str(path) for name, path in written.items()}})
        write_text(written["report"], report_markdown(report))
        rest = {name: value for name, value in asdict(report).items() if name not in ("metrics", "baselines")}
        rest |= {"config": config_record(self.config), "findings": [section_record(one) for one in self.findings]}
        write_json(folder / REPORT, rest)
        write_json(written["metrics"], self.metrics)
        return report

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read the report that `write` wrote into a folder.

        Raises:
            CheckpointError: a file is missing or torn, or holds something else.
        """
        place = Path(folder)
        rest = read_json(place / REPORT)
        baselines = read_json(place / BASELINES) if (place / BASELINES).exists() else {}
        try:
            return cls(
                **{
                    **rest,
                    "metrics": read_json(place / METRICS_FILE),
                    "baselines": baselines,
                    "methods": tuple(rest["methods"]),
                    "findings": tuple(map(section_of, rest["findings"])),
                    "corpora": {
                        domain: CorpusFacts(**{**facts, "notes": tuple(facts["notes"])})
                        for domain, facts in rest["corpora"].items()
                    },
                    "cost": Cost(**rest["cost"]),
                    "seeds": tuple(rest["seeds"]),
                    "warnings": tuple(rest["warnings"]),
                }
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CheckpointError(
                f"{place / REPORT} holds no report ({error}). Take it from a copy of the run."
            ) from error

    def summary(self) -> RenderableType:
        """Return what a run closes with: for each domain the systems side by side, then cost and paths."""
        from nlp_transfer.reporting.terminal import shown_results
        from nlp_transfer.tasks import TASKS

        parts: list[RenderableType] = []
        for domain, split in self.headlines():
            parts += shown_results(TASKS[self.task], self.systems(domain, split), f"{domain} · {split}")
        # Paths and counts are texts, not markup, and stay whole for copying.
        parts.append(Text("\n".join(self.cost.lines()) + "\n"))
        width = max(map(len, self.paths), default=0)
        parts += [Text(f"{name:<{width}}  {path}", overflow="fold") for name, path in self.paths.items()]
        parts += [Text(f"\nWarning: {warning}") for warning in self.warnings]
        return Group(*parts)
