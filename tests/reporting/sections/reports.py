"""A small report for the sections' tests."""

from typing import Any

from nlp_transfer.reporting.report import CorpusFacts, Cost, Report


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
        "seeds": (0, 1),
        "versions": {"torch": "2.13", "onnx": None},
        **changes,
    }
    return Report(**values)
