"""Hold everything that a reader needs to believe a number, and read it back.

`metrics.json` holds the model's scores, {domain: {split: scores}}; `baselines.json` the same by baseline; `report.json`
the rest. `reporting.markdown` writes them, with `report.md` and `report.html` for people.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import read_json
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.tasks.blocks import Section, section_of

if TYPE_CHECKING:
    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.tasks.base import DomainScores

DOMAINS = ("source", "target")
"""The domains of a run, in the order of tables."""

METRICS_FILE = "metrics.json"
"""The file in a run's folder that holds the model's scores."""

BASELINES = "baselines.json"
"""The file that holds the baselines' scores."""

REPORT = "report.json"
"""The file that holds all of a report but its scores."""

MODEL = "model"
"""The name of the trained model among the systems."""


@dataclass(frozen=True)
class CorpusFacts:
    """Describe the rows that the numbers are about: their origin, SHA-256 (hex), counts, and notes on dropped ones."""

    origin: str
    fingerprint: str
    rows: dict[str, int]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, corpus: "Corpus") -> Self:
        """Return the facts of a corpus."""
        rows = {name: len(split) for name, split in corpus.splits.items()}
        return cls(corpus.origin, corpus.fingerprint, rows, tuple(corpus.notes))

    def row_counts(self) -> str:
        """Return the rows of each split as text.

        Example:
            >>> CorpusFacts("data/kitchen", "f00d", {"train": 1200, "test": 4}).row_counts()
            'train 1,200, test 4'
        """
        return ", ".join(f"{name} {count:,}" for name, count in self.rows.items())


@dataclass(frozen=True)
class Cost:
    """Describe what a run took; None where it was not measured. Tokens are counted without padding."""

    trainable_parameters: int
    total_parameters: int
    train_seconds: float | None = None
    evaluation_seconds: float | None = None
    tokens_trained: int | None = None
    peak_memory_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    hardware: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield the cost as text, one measure a line.

        Example:
            >>> list(Cost(1, 4, train_seconds=2.0).lines())
            ['Parameters trained: 1 of 4 (25.00%)', 'Training: 2.0 s']
        """
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
class SearchSummary:
    """Hold the metric of a search, its value by candidate, each named by its values, and the best one's name."""

    metric: str
    scores: dict[str, float]
    chosen: str


@dataclass(frozen=True)
class SourceScore:
    """Score a split's rows of one of several source domains by the task's primary metric."""

    source: str
    split: str
    rows: int
    score: float


@dataclass(frozen=True, repr=False)
class Report:
    """Report one run: what was asked, what came out, what it took.

    Args:
        facts: settings that methods chose, and counts, by their labels; for people only.
        findings: sections about the predictions.
        thresholds: the probability from which each label is predicted; empty for single-label.
        paths: written files and folders by a word for each, such as `model`.
        unpushed: the reason why the model is not on the Hub, where it was to go there.
        warnings: sentences for whoever uses the model.
    """

    title: str
    task: str
    model: str
    methods: tuple[str, ...]
    metrics: "DomainScores"
    corpora: dict[str, CorpusFacts]
    cost: Cost
    config: dict[str, Any]
    seed: int
    baselines: "dict[str, DomainScores]" = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Section, ...] = ()
    source_scores: tuple[SourceScore, ...] = ()
    search: SearchSummary | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=library_versions)
    unpushed: str | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the title and the scores in one line."""
        scores = import_module("nlp_transfer.reporting.sections.results").score_summary(self)
        return f"Report({self.title!r}: {scores})"

    def __str__(self) -> str:
        """Return the tables of the end of a run."""
        return str(import_module("nlp_transfer.reporting.terminal").summary_text(self))

    def _repr_html_(self) -> str:
        """Return the report as a notebook shows it."""
        return str(import_module("nlp_transfer.reporting.html").report_html(self))

    @property
    def method_names(self) -> str:
        """Return the methods as Markdown."""
        return " + ".join(f"`{name}`" for name in self.methods)

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

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read the report that `write_report` wrote into a folder."""
        place = Path(folder)
        rest = read_json(place / REPORT)
        try:
            values = {
                **rest,
                "metrics": read_json(place / METRICS_FILE),
                "baselines": read_json(place / BASELINES, missing_ok=True),
                "findings": tuple(map(section_of, rest["findings"])),
                "corpora": {
                    domain: CorpusFacts(**{**facts, "notes": tuple(facts["notes"])})
                    for domain, facts in rest["corpora"].items()
                },
                "cost": Cost(**rest["cost"]),
                "source_scores": tuple(SourceScore(**one) for one in rest["source_scores"]),
                "search": SearchSummary(**rest["search"]) if rest["search"] else None,
                **{name: tuple(rest[name]) for name in ("methods", "warnings")},
            }
            return cls(**values)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CheckpointError(
                f"{place / REPORT} holds no report ({error}). Take it from a copy of the run."
            ) from error
