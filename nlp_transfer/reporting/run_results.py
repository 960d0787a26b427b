"""Collect what a report holds besides the model's scores: baselines, findings and the predictions file."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nlp_transfer.reporting.predictions import write_predictions
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.reporting.sections.findings import FINDINGS
from nlp_transfer.tasks.blocks import Alert, Section

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResults:
    """The parts of a report besides the model's scores.

    Args:
        baselines: scores by baseline.
        findings: sections about the predictions.
        paths: the written files, by a word for each.
    """

    baselines: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Section, ...] = ()
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The alerts of the findings."""
        return tuple(block.text for one in self.findings for block in one.blocks if isinstance(block, Alert))


def collect_results(run: RunContext) -> RunResults:
    """Score the baselines, examine the predictions, and write them down. On the main process.

    Args:
        run: the finished training.
    """
    task, paths = run.task, {}
    if task.row_keys:
        write_predictions(run.predictions, prediction_rows(run), task.row_keys)
        paths["predictions"] = str(run.predictions)
    baselines = task.baselines(run.experiment.baseline_names, run.corpora, run.scored, run.rows)
    made = [section for find in FINDINGS if (section := find(run)) is not None]
    findings = (*task.sections(run.corpora, run.scored, run.rows), *made)
    results = RunResults({**baselines, **run.source_only_scores()}, findings, paths)
    for warning in results.warnings:
        log.info(warning)
    return results


def prediction_rows(run: RunContext) -> Iterator[dict[str, Any]]:
    """Yield the lines of the predictions file."""
    for domain, splits in run.scored.items():
        for split, one in splits.items():
            for row in run.task.rows(one, run.rows[domain][split]):
                yield {**row, "split": split, "domain": domain}
