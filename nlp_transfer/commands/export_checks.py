"""Compare an exported model with PyTorch on real texts.

The texts come from a file, from the held-out splits of the run if its corpus is here, or from `SENTENCES`. One of the
greatest length is always among them. A row keeps its prediction if the predictor decides the same.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.commands.finished_runs import NOT_TRAINING
from nlp_transfer.config.experiment import load_config
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.merging import load_sources
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.errors import CheckpointError, DataError, NLPTransferError
from nlp_transfer.models.onnx.runtime import OnnxNetwork, external_name
from nlp_transfer.tasks.predictor import ExportablePredictor, Logits
from nlp_transfer.tasks.saved_folder import run_columns

log = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest difference of float32 logits, relative to the largest logit, or to 1 where that is less."""

AGREEMENT = 0.98
"""Default share of rows that must keep their predictions in int8."""

CHECK_ROWS = 200
"""Maximum number of texts that are compared."""

SENTENCES = (
    "This Agreement shall be governed by the laws of the State of New York.",
    "Either party may terminate.",
    "The Licensee may not sublicense, sell or otherwise transfer the Software to any third party without the prior "
    "written consent of the Licensor, which shall not be unreasonably withheld.",
    "§ 12 (3) lit. b: €1,000,000 – naïve Ünïcode, 中文, and 42 % of numbers.",
    "He loved this book; she returned the toaster after a week.",
    "no",
)
"""Texts to compare on without others."""


@dataclass(frozen=True)
class ExportCheck:
    """Hold the largest difference of logits, the largest logit, and the share of rows with the same predictions."""

    precision: str
    texts: int
    difference: float
    largest: float
    agreement: float
    file_bytes: int

    def line(self) -> str:
        """Return the check as a line of text."""
        return (
            f"{self.precision}: logits differ by at most {self.difference:.2g} (the largest is {self.largest:.3g}), "
            f"{self.agreement:.2%} of {self.texts:,} rows keep their predictions; {self.file_bytes / 2**20:,.1f} MiB"
        )

    def problem(self, agreement: float) -> str | None:
        """Return the reason to refuse the graph, None where there is none; `agreement` is the least share for int8."""
        if self.precision == "int8":
            if self.agreement >= agreement:
                return None
            return (
                f"int8: {self.agreement:.2%} of {self.texts:,} rows keep their predictions, and {agreement:.2%} must. "
                "Use --precision float32, rows that are more like yours (--check), or a lower --agreement."
            )
        allowed = TOLERANCE * max(1.0, self.largest)
        if self.difference <= allowed and self.agreement == 1.0:
            return None
        return (
            f"{self.precision}: logits differ by up to {self.difference:.2g} ({allowed:.2g} is allowed), and "
            f"{self.agreement:.2%} of {self.texts:,} rows keep their predictions (all must). This network cannot be "
            "exported by these versions of torch and onnxruntime; predict with PyTorch."
        )


@dataclass(frozen=True)
class GraphCheck:
    """Compare graphs of a model with PyTorch; `agreement` is the share of rows that must agree in int8."""

    predictor: ExportablePredictor
    texts: Sequence[Any]
    agreement: float

    def __call__(self, file: Path, precision: str, expected: Logits) -> ExportCheck:
        """Compare one graph with PyTorch's logits of each text; raise CheckpointError if they differ too much."""
        found = replace(self.predictor, model=OnnxNetwork(file)).text_logits(self.texts)
        tensors = file.with_name(external_name(file))
        size = file.stat().st_size + (tensors.stat().st_size if tensors.is_file() else 0)
        differences = compare(self.predictor, self.texts, expected, found)
        check = ExportCheck(precision, len(self.texts), *differences, size)
        log.info(check.line())
        if problem := check.problem(self.agreement):
            raise CheckpointError(problem)
        return check


def compare(
    predictor: ExportablePredictor, texts: Sequence[Any], expected: Logits, found: Logits
) -> tuple[float, float, float]:
    """Return the largest difference of logits, the largest logit by its size, and the share of equal predictions."""
    difference = max(np.abs(a - b).max(initial=0.0) for a, b in zip(expected, found, strict=True))
    largest = max(np.abs(one).max(initial=0.0) for one in expected)
    return float(difference), float(largest), float(np.mean(predictor.keeps(texts, expected, found)))


def check_texts(
    predictor: ExportablePredictor, model: str, file: str | None = None, text_column: str | None = None
) -> tuple[list[Any], str]:
    """Return the texts to compare on, and a description: those of a file, else of the run that the model came from."""
    if file is not None:
        columns = run_columns(Path(predictor.origin))
        reader = InputReader(file, text_column=text_column, kind=predictor.kind, columns=columns)
        rows = [text for _, text in islice(reader, CHECK_ROWS)]
        texts = ["\n".join(text) if isinstance(text, list) else text for text in rows]
        if not texts:
            raise DataError(f"--check {file} holds no texts; expected some to compare on.")
        what = f"{len(texts):,} text{'s' * (len(texts) != 1)} of {file}"
    else:
        texts, what = _held_out(Path(model).expanduser())
    sentences = [" ".join(SENTENCES[:count]) for count in range(1, len(SENTENCES) + 1)] + list(SENTENCES)
    texts = texts or [predictor.row_of(text) for text in sentences]
    if not predictor.max_length:  # images have one size
        return texts, what
    firsts = [text if isinstance(text, str) else text[0] for text in texts]
    longest = predictor.row_of(_of_length(firsts, predictor.max_length))
    return [*texts, longest], f"{what} and one of the greatest length"


def _of_length(texts: Sequence[str], words: int) -> str:
    """Join texts, over and over, until there are so many words."""
    taken: list[str] = []
    while words > 0:
        taken.append(texts[len(taken) % len(texts)])
        words -= max(1, len(taken[-1].split()))
    return " ".join(taken)


def _held_out(folder: Path) -> tuple[list[Any], str]:
    """Return texts of a run's test or validation split, and a description; none if they cannot be read."""
    if not (folder / "config.yaml").is_file():
        return [], "texts that come with this package"
    try:
        config = load_config([folder / "config.yaml"], NOT_TRAINING)
        if not config.sources:
            return [], "texts that come with this package, because the run has no source"
        if any(source.hub is not None for source in config.sources):
            return [], "texts that come with this package, because the run's are on the Hub"
        labels, kind = config.task.columns
        corpus = load_sources(config.sources, labeled=labels, trains=True, kind=kind)
    except NLPTransferError as error:
        return [], f"texts that come with this package, because the run's cannot be read ({error.problems[0]})"
    split = next((name for name in ("test", "validation") if name in corpus.splits), "train")
    rows = corpus.splits[split]
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(CHECK_ROWS, len(rows))).astype(int))
    return row_inputs(rows.select(chosen)), f"{len(chosen):,} rows of the run's {split} split"
