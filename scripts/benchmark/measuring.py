"""One measurement, in a process of its own: `python -m scripts.benchmark.measuring JOB RESULT`.

JOB and RESULT are JSON files: the fields of `Job`, and of `Measurement`. What is timed is training (ours from the
making of the trainer, because some methods do their work there) or predicting; not the imports, the loading of the
model and, for training, the tokenizing.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from nlp_transfer.errors import ConfigError, NLPTransferError
from nlp_transfer.files import write_json
from scripts.benchmark.cases import Case, case_of
from scripts.benchmark.machine import Meter, matrix_product_rate
from scripts.benchmark.settings import PREDICTION_PRECISION, Precision, Side

if TYPE_CHECKING:
    from transformers import Trainer

    from nlp_transfer.config.experiment import Experiment
    from nlp_transfer.tasks import FittedTask
    from scripts.benchmark.rows import CaseRows


@dataclass(frozen=True)
class Job:
    """Describe one measurement to make.

    Args:
        case: as `Case.record` writes it.
        side: whose run to measure; `classifier` makes the model that both sides predict with, and measures nothing.
        seed: of training.
        rows: training rows in place of the case's.
        processes: how many share the work.
        scored: whether to score the test rows.
        classifier: the folder of the model to predict with, or to make.
    """

    case: dict[str, Any]
    side: Side | Literal["classifier"]
    seed: int = 0
    rows: int | None = None
    processes: int = 1
    scored: bool = True
    classifier: str | None = None


@dataclass(frozen=True)
class Measurement:
    """Keep one measurement.

    Args:
        seconds: wall time.
        tokens: real tokens of the training rows times the epochs, or of the texts predicted. The same on both sides:
            where ours encodes a frozen encoder's texts once, tokens that the stock run processes again still count.
        flops: operations that the stock run needs for them (models/flops.py); None where only ours was run.
        precision: what matrix products are computed in.
        rate: operations a second of a large matrix product in that precision, measured right after the work.
        peak_bytes: the most memory held; of the first process, where there are several.
        before_bytes: the memory held before the work, the model loaded.
        macro_f1: on the test rows; None where they were not scored.
        threads: threads that PyTorch computed with, in each process.
    """

    seconds: float
    tokens: int
    flops: int | None
    precision: Precision
    rate: float
    peak_bytes: int
    before_bytes: int
    macro_f1: float | None
    threads: int


def measure(job: Job, folder: Path) -> Measurement | None:
    """Do the job; None on other processes than the first, and where only a classifier was to be made.

    Args:
        job: what to do.
        folder: an empty one, for what a run writes.

    Raises:
        NLPTransferError: as `run` would; and where the pipeline stands beside a task that it cannot do.
    """
    from accelerate import PartialState

    from nlp_transfer.training.runtime import use_cores
    from scripts.benchmark.rows import load_rows

    case = case_of(job.case)
    settings = case.settings if job.rows is None else replace(case.settings, rows=job.rows)
    config = case.config(folder, seed=job.seed, batch_share=job.processes, defaults=job.side == "defaults")
    device = config.training.device
    threads = use_cores(config.training.cpu_threads) if device.type == "cpu" else torch.get_num_threads()
    rows = load_rows(config, settings)
    if device.type == "cuda":
        torch.zeros(1, device=device)  # CUDA's own start, which is nobody's work
    if job.side == "classifier":
        from scripts.benchmark.our_side import save_classifier

        save_classifier(config, rows, Path(str(job.classifier)), exported=settings.onnx)
        return None
    meter = Meter(device)
    if settings.stock == "pipeline":
        done = _predict(job, rows, meter)
    elif job.side == "stock":
        done = _train_stock(job, case, config, rows, folder, meter)
    else:
        done = _train_ours(job, case, config, rows, folder, meter)
    rate = matrix_product_rate(device, done.precision)
    if not PartialState().is_main_process:
        return None
    return Measurement(
        seconds=meter.seconds,
        tokens=done.tokens,
        flops=done.flops,
        precision=done.precision,
        rate=rate,
        peak_bytes=meter.peak_bytes,
        before_bytes=meter.before_bytes,
        macro_f1=done.macro_f1,
        threads=threads,
    )


EXPORTED = {"onnx": "float32", "onnx_int8": "int8"}
"""The precision of the exported model that a side predicts with."""


@dataclass(frozen=True)
class _Done:
    """What was done while the meter ran; the fields are those of `Measurement`."""

    tokens: int
    flops: int | None
    precision: Precision
    macro_f1: float | None


def _train_stock(job: Job, case: Case, config: "Experiment", rows: "CaseRows", folder: Path, meter: Meter) -> _Done:
    from scripts.benchmark import stock_side
    from scripts.benchmark.flops import training_flops

    trainer = stock_side.build(case, config, rows, folder)
    with meter:
        trainer.train()
    model: Any = trainer.model  # counted afterwards, because counting warms up what training has to
    flops = round(config.training.num_train_epochs * training_flops(model, rows.lengths("train")))
    return _Done(_tokens(config, rows), flops, _precision(config), _score(trainer, rows) if job.scored else None)


def _train_ours(job: Job, case: Case, config: "Experiment", rows: "CaseRows", folder: Path, meter: Meter) -> _Done:
    from scripts.benchmark import our_side

    by_import = case.settings.by_import and job.side == "ours"
    trainer: Any = (
        our_side.train_by_import(case, config, rows, folder, meter)
        if by_import
        else our_side.train(config, rows, folder, meter)
    )
    return _Done(_tokens(config, rows), None, _precision(config), _score(trainer, rows) if job.scored else None)


def _predict(job: Job, rows: "CaseRows", meter: Meter) -> _Done:
    from nlp_transfer.tasks import saved_models
    from scripts.benchmark import our_side, stock_side
    from scripts.benchmark.flops import forward_flops

    if rows.task.multi_label:
        raise ConfigError(
            f"cases.{job.case['name']}: stock is pipeline, which names one class a text, and the corpus is "
            "multi-label. Take a single-label corpus."
        )
    classifier, lengths = str(job.classifier), rows.lengths("test")
    texts = list(rows.texts.splits["test"]["text"])
    if job.side == "stock":
        chosen = stock_side.predict(classifier, texts, meter.device, meter)
    else:
        chosen = our_side.predict(classifier, texts, meter.device, meter, precision=EXPORTED.get(job.side))
    network: Any = saved_models.load(classifier).model if job.side == "stock" else None
    flops = None if network is None else forward_flops(network, lengths)
    score = score_names(rows.task, chosen, np.asarray(rows.encoded["test"]["labels"]))
    return _Done(sum(lengths), flops, PREDICTION_PRECISION, score)


def _precision(config: "Experiment") -> Precision:
    return "bf16" if config.training.bf16 else "fp32"


def _tokens(config: "Experiment", rows: "CaseRows") -> int:
    return round(config.training.num_train_epochs * sum(rows.lengths("train")))


def score_names(task: "FittedTask", chosen: list[str], labels: np.ndarray) -> float:
    """Macro-F1 of predicted classes' names.

    Args:
        task: knows the classes.
        chosen: a name a row.
        labels: class ids, shape (rows,).
    """
    logits = np.eye(len(task.label_names))[[task.label_names.index(name) for name in chosen]]
    return float(task.score(logits, labels)["macro_f1"])


def _score(trainer: "Trainer", rows: "CaseRows") -> float:
    """Macro-F1 of a trained model on the test rows."""
    from nlp_transfer.training.scoring import predict

    logits, labels = predict(trainer, rows.encoded["test"])
    assert labels is not None, "the source is labelled"
    return float(rows.task.score(logits, labels)["macro_f1"])


def main(job_file: str, result_file: str) -> int:
    """What the process does; returns its exit status."""
    from nlp_transfer.training.runtime import leave_process_group

    with tempfile.TemporaryDirectory() as folder:
        try:
            found = measure(Job(**json.loads(Path(job_file).read_text())), Path(folder))
        except NLPTransferError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 2
        if found is not None:
            write_json(result_file, asdict(found))
        leave_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
