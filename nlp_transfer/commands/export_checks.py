"""How an exported model compares with PyTorch, on real texts.

Texts of the check are a file of yours; or up to 200 of the run's held-out texts, if its corpus is on this machine; or a
few that stand here. One of the greatest length is always among them, and each batch mixes lengths. A summariser gives a
document the same labels where it takes the same sentences.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.config.experiment import load_config
from nlp_transfer.data.encoding.sentences import sentence_spans
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.merging import load_sources
from nlp_transfer.errors import CheckpointError, DataError, NLPTransferError
from nlp_transfer.models.onnx.runtime import OnnxNetwork, external_name
from nlp_transfer.tasks.sequence_classification.predictor import text_logits
from nlp_transfer.tasks.summarization.extractive_predictor import sentence_logits
from nlp_transfer.tasks.trained import TrainedClassifier, TrainedSummarizer

log = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""How far float32 logits may be apart, relative to the largest one, or to 1 where that is less."""

AGREEMENT = 0.98
"""The share of texts that must keep their labels in int8, unless told."""

CHECK_ROWS = 200
"""How many texts are compared, at most."""

SENTENCES = (
    "This Agreement shall be governed by the laws of the State of New York.",
    "Either party may terminate.",
    "The Licensee may not sublicense, sell or otherwise transfer the Software to any third party without the prior "
    "written consent of the Licensor, which shall not be unreasonably withheld.",
    "§ 12 (3) lit. b: €1,000,000 – naïve Ünïcode, 中文, and 42 % of numbers.",
    "He loved this book; she returned the toaster after a week.",
    "no",
)
"""What is compared where there is nothing better."""

Trained = TrainedClassifier | TrainedSummarizer


@dataclass(frozen=True)
class ExportCheck:
    """How an exported model compares with PyTorch.

    Args:
        precision: of the graph.
        texts: how many were compared.
        difference: the largest between two logits.
        largest: the largest logit, by its size.
        agreement: the share of texts with the same labels.
        file_bytes: what the graph takes on the disk.
    """

    precision: str
    texts: int
    difference: float
    largest: float
    agreement: float
    file_bytes: int

    def line(self) -> str:
        """The check in words."""
        return (
            f"{self.precision}: logits differ by at most {self.difference:.2g} (the largest is {self.largest:.3g}), "
            f"{self.agreement:.2%} of {self.texts:,} texts keep their labels; {self.file_bytes / 2**20:,.1f} MiB"
        )

    def problem(self, agreement: float) -> str | None:
        """Why it is refused, None where it is not; `agreement` is the least share for int8."""
        if self.precision == "int8":
            if self.agreement >= agreement:
                return None
            return (
                f"int8: {self.agreement:.2%} of {self.texts:,} texts keep their labels, and {agreement:.2%} must. Use "
                "--precision float32, name texts that are more like yours with --check, or accept fewer with "
                "--agreement."
            )
        allowed = TOLERANCE * max(1.0, self.largest)
        if self.difference <= allowed and self.agreement == 1.0:
            return None
        return (
            f"{self.precision}: logits differ by up to {self.difference:.2g} ({allowed:.2g} is allowed), and "
            f"{self.agreement:.2%} of {self.texts:,} texts keep their labels (all must). This network cannot be "
            "exported by these versions of torch and onnxruntime; predict with PyTorch."
        )


def check_texts(
    loaded: Trained, model: str, file: str | None = None, text_column: str | None = None
) -> tuple[list[str], str]:
    """The texts to compare on, and what they are in words.

    Args:
        loaded: the model.
        model: where it came from: of a run the held-out texts are read, if they are on this machine.
        file: a file or folder of texts instead.
        text_column: of the file; see `export`.

    Raises:
        DataError: the file cannot be read, or holds no text.
    """
    if file is not None:
        kind = "document" if isinstance(loaded, TrainedSummarizer) else "text"
        rows = [text for _, text in _first(InputReader(file, text_column=text_column or kind, plain_text_format=kind))]
        texts = [text if isinstance(text, str) else "\n".join(text) for text in rows]
        if not texts:
            raise DataError(f"--check {file} holds no texts; expected some to compare on.")
        what = f"{len(texts):,} texts of {file}"
    else:
        texts, what = _held_out(Path(model).expanduser())
    texts = texts or [" ".join(SENTENCES[:count]) for count in range(1, len(SENTENCES) + 1)] + list(SENTENCES)
    return [*texts, _of_length(texts, loaded.max_length)], f"{what} and one of the greatest length"


def _of_length(texts: Sequence[str], words: int) -> str:
    """Texts one after another, again from the first where they end, until there are so many words."""
    taken: list[str] = []
    while words > 0:
        taken.append(texts[len(taken) % len(texts)])
        words -= max(1, len(taken[-1].split()))
    return " ".join(taken)


def _first(texts: InputReader) -> Iterator[tuple[Any, Any]]:
    for number, row in enumerate(texts):
        if number == CHECK_ROWS:
            return
        yield row


def _held_out(folder: Path) -> tuple[list[str], str]:
    """Texts of a run's test or validation split; none where they are not here, and why in words."""
    if not (folder / "config.yaml").is_file():
        return [], "texts that come with this package"
    try:
        config = load_config([folder / "config.yaml"])
        if any(source.hub is not None for source in config.sources):
            return [], "texts that come with this package, because the run's are on the Hub"
        labels, documents = config.task.columns
        corpus = load_sources(config.sources, labeled=labels, trains=True, documents=documents)
    except NLPTransferError as error:
        return [], f"texts that come with this package, because the run's cannot be read ({error.problems[0]})"
    split = next((name for name in ("test", "validation") if name in corpus.splits), "train")
    rows = corpus.splits[split]
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(CHECK_ROWS, len(rows))).astype(int))
    return list(rows.select(chosen)["text"]), f"{len(chosen):,} texts of the run's {split} split"


def logits_of(loaded: Trained, texts: Sequence[str]) -> list[np.ndarray]:
    """The logits of each text: of its classes, or of its sentences."""
    if isinstance(loaded, TrainedClassifier):
        return list(text_logits(loaded, texts))
    return sentence_logits(loaded, [_sentences(text) for text in texts])


def labels_of(loaded: Trained, texts: Sequence[str], logits: Sequence[np.ndarray]) -> list[Any]:
    """What each text is said to be: its class, its labels, or the sentences that its summary takes."""
    if isinstance(loaded, TrainedClassifier):
        chosen = loaded.predictions(loaded.probabilities(np.stack(list(logits))))
        return [np.asarray(one).tolist() for one in chosen]
    return [loaded.select(of.tolist(), _sentences(text)) for text, of in zip(texts, logits, strict=True)]


def compare(
    loaded: Trained, texts: Sequence[str], expected: Sequence[np.ndarray], found: Sequence[np.ndarray]
) -> tuple[float, float, float]:
    """The largest difference of logits, the largest logit by its size, and the share of texts with the same labels."""
    difference = max(np.abs(a - b).max(initial=0.0) for a, b in zip(expected, found, strict=True))
    largest = max(np.abs(one).max(initial=0.0) for one in expected)
    labels = zip(labels_of(loaded, texts, expected), labels_of(loaded, texts, found), strict=True)
    return float(difference), float(largest), float(np.mean([a == b for a, b in labels]))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def check_graph(
    loaded: Trained,
    file: Path,
    precision: str,
    texts: Sequence[str],
    expected: Sequence[np.ndarray],
    agreement: float,
) -> ExportCheck:
    """Compare one graph, and say how; raises CheckpointError where it is refused."""
    found = logits_of(replace(loaded, model=OnnxNetwork(file)), texts)
    beside = file.with_name(external_name(file))
    size = file.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)
    check = ExportCheck(precision, len(texts), *compare(loaded, texts, expected, found), size)
    log.info(check.line())
    if problem := check.problem(agreement):
        raise CheckpointError(f"Nothing was exported. {problem}")
    return check
