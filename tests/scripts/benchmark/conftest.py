"""A benchmark file of tiny cases, and measurements made up."""

from pathlib import Path
from typing import Any

import pytest

from nlp_transfer.reporting.config_record import to_yaml
from scripts.benchmark.measuring import Measurement
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


def measurement(**changes: Any) -> Measurement:
    """One that took 2 s for 1,000 tokens and 4 GFLOP, on a machine of 8 GFLOP/s."""
    values: dict[str, Any] = {
        "seconds": 2.0,
        "tokens": 1000,
        "flops": 4_000_000_000,
        "precision": "fp32",
        "rate": 8e9,
        "peak_bytes": 3 << 30,
        "before_bytes": 1 << 30,
        "macro_f1": 0.5,
        "threads": 1,
    }
    return Measurement(**{**values, **changes})


@pytest.fixture
def benchmark_tree(tmp_path: Path) -> dict[str, Any]:
    """A case of each kind."""
    corpus = write_corpus(tmp_path / "corpus")
    run = run_tree(tiny_encoder(tmp_path / "encoder"), corpus, tmp_path, num_train_epochs=2, cpu_threads=1)
    base = {key: run[key] for key in ("model", "source", "task")}
    left_out = ("output_dir", "use_cpu", "seed", "load_best_model_at_end", "metric_for_best_model", "save_total_limit")
    training = {key: value for key, value in run["training"].items() if key not in left_out}
    base["training"] = {**training, "eval_strategy": "no", "save_strategy": "no", "precision": "fp32"}
    return {
        "base": {
            **base,
            "attention_dropout": None,
            "rows": 32,
            "validation_rows": 9,
            "test_rows": 12,
            "stock": "trainer",
        },
        "cases": {
            "full": {"methods": ["full_fine_tuning"]},
            "imported": {"methods": ["full_fine_tuning"], "by_import": True, "defaults": True},
            "frozen": {"methods": ["frozen_encoder"]},
            "top": {"methods": [{"name": "partial_fine_tuning", "layers": 1}]},
            "lora": {"methods": [{"name": "lora", "r": 2}], "stock": "trainer+peft"},
            "predict": {"methods": ["full_fine_tuning"], "stock": "pipeline", "training": {"num_train_epochs": 12}},
            "gpu": {"methods": ["full_fine_tuning"], "device": "cuda", "training": {"precision": "bf16"}},
        },
        "growth": [{"case": "full", "rows": 8, "factors": [1, 2], "processes": [1, 2]}],
    }


@pytest.fixture
def benchmark_file(tmp_path: Path, benchmark_tree: dict[str, Any]) -> Path:
    """The tree as a file."""
    file = tmp_path / "benchmark.yaml"
    file.write_text(to_yaml(benchmark_tree))
    return file
