"""One measurement, in a process of its own: `python -m nlp_transfer.benchmark.measuring JOB RESULT`.

JOB and RESULT are JSON files: the fields of `Job`, and of `Measurement`. What is timed is training (ours from the making of
the trainer, because some methods do their work there) or predicting; not the imports, the loading of the model and, for
training, the tokenizing.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from nlp_transfer.benchmark.cases import Case, case_of
from nlp_transfer.benchmark.machine import Meter, matrix_product_rate
from nlp_transfer.errors import NLPTransferError
from nlp_transfer.reporting.files import write_json

Side = Literal["stock", "ours"]


@dataclass(frozen=True)
class Job:
    """What a process is to do.

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
    side: Literal["stock", "ours", "classifier"]
    seed: int = 0
    rows: int | None = None
    processes: int = 1
    scored: bool = True
    classifier: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What was found.

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
    precision: Literal["fp32", "bf16"]
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
    """
    from accelerate import PartialState

    from nlp_transfer.benchmark.rows import load_rows
    from nlp_transfer.training.threads import use_cores

    case = case_of(job.case)
    settings = _with_rows(case, job.rows).settings
    config = case.config(folder, seed=job.seed, batch_share=job.processes)
    threads = use_cores(config.training.cpu_threads) if settings.device == "cpu" else torch.get_num_threads()
    rows = load_rows(config, settings)
    device = config.training.device
    if settings.device == "cuda":
        matrix_product_rate(device, "fp32", size=64)  # CUDA's own start, which is nobody's work
    meter = Meter(device)
    epochs = config.training.num_train_epochs
    tokens, flops = round(epochs * sum(rows.lengths("train"))), None
    precision: Literal["fp32", "bf16"] = "bf16" if config.training.bf16 else "fp32"
    score: float | None = None
    if job.side == "classifier":
        from nlp_transfer.benchmark.our_side import save_classifier

        save_classifier(config, rows, Path(str(job.classifier)))
        return None
    if settings.stock == "pipeline":
        from nlp_transfer.benchmark import our_side, stock_side
        from nlp_transfer.models.flops import forward_flops
        from nlp_transfer.prediction import load_on

        side = stock_side if job.side == "stock" else our_side
        chosen = side.predict(str(job.classifier), list(rows.texts.splits["test"]["text"]), device, meter)
        score = score_names(rows.task, chosen, np.asarray(rows.encoded["test"]["labels"]))
        tokens, precision = sum(rows.lengths("test")), settings.stock_precision
        flops = forward_flops(load_on(str(job.classifier), "cpu").model, rows.lengths("test"))
    elif job.side == "stock":
        from nlp_transfer.benchmark import stock_side
        from nlp_transfer.models.flops import training_flops

        stock = stock_side.build(config, settings, rows, folder)
        precision = settings.stock_precision
        model: Any = stock.model
        flops = round(epochs * training_flops(model, rows.lengths("train")))
        with meter:
            stock.train()
        score = _score(stock, rows) if job.scored else None
    else:
        from nlp_transfer.benchmark import our_side

        trainer = our_side.train(config, rows, folder, meter)
        score = _score(trainer, rows) if job.scored else None
    rate = matrix_product_rate(device, precision)
    if not PartialState().is_main_process:
        return None
    return Measurement(
        meter.seconds, tokens, flops, precision, rate, meter.peak_bytes, meter.before_bytes, score, threads
    )


def score_names(task: Any, chosen: list[str], labels: np.ndarray) -> float:
    """Macro-F1 of predicted classes' names.

    Args:
        task: knows the classes.
        chosen: a name a row.
        labels: class ids, shape (rows,).
    """
    logits = np.eye(len(task.label_names))[[task.label_names.index(name) for name in chosen]]
    return float(task.metrics(logits, labels)["macro_f1"])


def _score(trainer: Any, rows: Any) -> float:
    """Macro-F1 of a trained model on the test rows."""
    from nlp_transfer.reporting.scoring import predict

    logits, labels = predict(trainer, rows.encoded["test"])
    return float(rows.task.metrics(logits, labels)["macro_f1"])


def _with_rows(case: Case, rows: int | None) -> Case:
    from dataclasses import replace

    return case if rows is None else replace(case, settings=replace(case.settings, rows=rows))


def main(job_file: str, result_file: str) -> int:
    """What the process does; returns its exit status."""
    from nlp_transfer.training.processes import leave_process_group

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
