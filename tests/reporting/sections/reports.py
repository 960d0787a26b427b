"""A small report for the sections' tests, and what the findings of a report hold."""

from typing import Any

from nlp_transfer.reporting.report import CorpusFacts, Cost, Report
from nlp_transfer.tasks.blocks import Alert, Section, Table


def small_report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "title": "run",
        "task": "sequence_classification",
        "model": "encoder",
        "methods": ("lora",),
        "metrics": {},
        "corpora": {"source": CorpusFacts("a *folder*", "f00d", {"train": 1200, "test": 4}, ("2 dropped",))},
        "cost": Cost(1, 2, hardware="a machine"),
        "config": {"model": "encoder", "training": {"hub_token": "hf_secret"}},
        "seed": 1,
        "versions": {"torch": "2.13", "onnx": None},
        **changes,
    }
    return Report(**values)


def finding(report: Report, title: str) -> dict[str, str]:
    """Return the rows of the finding with a title; empty where there is none."""
    return {label: text for one in report.findings if one.title == title for label, text in rows_of(one).items()}


def rows_of(section: Section | None) -> dict[str, str]:
    blocks = section.blocks if section else ()
    return {row[0]: row[1] for block in blocks if isinstance(block, Table) for row in block.rows}


def alerts_of(section: Section | None) -> list[str]:
    return [block.text for block in (section.blocks if section else ()) if isinstance(block, Alert)]
