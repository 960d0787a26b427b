"""Export a trained model to ONNX, and believe it only where it says what PyTorch says, on real texts.

The graph is written beside its place, computed with ONNX Runtime on the check's texts, and takes its place if

    float32    logits differ by at most 1e-4 of the largest (or of 1), and every text gets the same labels
    int8       a share of the texts, 0.98 unless told, gets the same labels as in float32 PyTorch

else nothing is left behind. Texts of the check are a file of yours; or up to 200 of the run's held-out texts, if its
corpus is on this machine; or a few that stand here. One of the greatest length is always among them, and each batch
mixes lengths. A summariser gives a document the same labels where it takes the same sentences.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nlp_transfer import hub
from nlp_transfer.config import load_config
from nlp_transfer.data.batches import PaddingCollator, SentenceCollator
from nlp_transfer.data.merging import load_sources
from nlp_transfer.data.sentences import sentence_spans
from nlp_transfer.data.texts import Texts
from nlp_transfer.data.windows import DocumentEncoder
from nlp_transfer.errors import CheckpointError, ConfigError, DataError, NLPTransferError, did_you_mean
from nlp_transfer.hub import CONFIG_KEY
from nlp_transfer.models.manifest import MANIFEST, check_manifest, listed_files, write_manifest
from nlp_transfer.models.onnx_export import OPSET, quantize, refuse_network, write_graph
from nlp_transfer.models.onnx_network import OnnxNetwork, external_name, require_packages
from nlp_transfer.onnx_backend import EXPORT_KEY, FILES, FOLDER, export_record
from nlp_transfer.prediction import text_logits
from nlp_transfer.summarizing import sentence_logits
from nlp_transfer.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer

TOLERANCE = 1e-4
"""How far float32 logits may be apart, relative to the largest one, or to 1 where that is less."""

AGREEMENT = 0.98
"""The share of texts that must keep their labels in int8, unless told."""

CHECK_ROWS = 200
"""How many texts are compared, at most."""

BOTH = "both"
"""The precision that stands for all of `FILES`."""

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
class Check:
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


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        folder: where.
        checks: how each graph in it compares with PyTorch.
    """

    folder: Path
    checks: tuple[Check, ...]


def export(
    model: str,
    output: str | None = None,
    *,
    precision: str = "float32",
    check: str | None = None,
    text_column: str | None = None,
    agreement: float = AGREEMENT,
    say: Callable[[str], None] = print,
) -> Exported:
    """Export a trained model.

    Args:
        model: a run's output folder, a model folder, or a Hub id.
        output: the folder to write: a new or empty one, or that of an earlier export; None is `onnx` in the run's.
        precision: `float32`, `int8`, or `both`.
        check: a file or folder of texts to compare on, as `Texts` reads it.
        text_column: the column that holds them; None is `text`, or `document` for a summariser.
        agreement: the share of texts that must keep their labels in int8.
        say: is told what is compared, and each result.

    Raises:
        ConfigError: an option is out of range, packages are missing, or the network cannot be exported.
        DataError: the texts of `check` cannot be read.
        CheckpointError: the model cannot be loaded, the output is in the way, or the check failed.
    """
    if precision not in (*FILES, BOTH):
        raise ConfigError(f"--precision: {did_you_mean('precision', precision, (*FILES, BOTH))}")
    if not 0 <= agreement <= 1:
        raise ConfigError(f"--agreement is {agreement}; expected a share from 0 to 1.")
    require_packages()
    place = _place(model, output)
    loaded = hub.load(model)
    if isinstance(loaded, TrainedAbstractiveSummarizer):
        raise ConfigError(
            f"{model} writes its summaries, a token after the other, which cannot be exported here. Predict with "
            "PyTorch."
        )
    network: Any = loaded.model
    refuse_network(network, loaded.max_length)
    texts, what = check_texts(loaded, model, check, text_column)
    say(f"Compared with PyTorch on {what}.")
    wanted = tuple(FILES) if precision == BOTH else (precision,)
    with _beside(place) as folder:
        graph = folder / FILES["float32"]
        write_graph(network, example_batch(loaded), graph)
        expected = logits_of(loaded, texts)
        checks = [_check(loaded, graph, "float32", texts, expected, agreement, say)]
        if "int8" in wanted:
            quantize(graph, folder / FILES["int8"])
            try:
                checks.append(_check(loaded, folder / FILES["int8"], "int8", texts, expected, agreement, say))
            except CheckpointError as error:
                if "float32" in wanted:
                    hint = "float32 passed: --precision float32 exports it alone."
                    raise CheckpointError([*error.problems, hint]) from error
                raise
        if "float32" not in wanted:
            graph.unlink()
            graph.with_name(external_name(graph)).unlink(missing_ok=True)
        kept = tuple(one for one in checks if one.precision in wanted)
        _describe(loaded, folder, {"opset": OPSET, "checks": [asdict(one) for one in kept]})
        write_manifest(folder)
    return Exported(place, kept)


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
        rows = [text for _, text in _first(Texts(file, text_column=text_column or kind, plain_text_is=kind))]
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


def _first(texts: Texts) -> Iterator[tuple[Any, Any]]:
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
        corpus = load_sources(
            config.sources, labeled=config.task.classifies, trains=True, documents=config.task.summarizes
        )
    except NLPTransferError as error:
        return [], f"texts that come with this package, because the run's cannot be read ({error.problems[0]})"
    split = next((name for name in ("test", "validation") if name in corpus.splits), "train")
    rows = corpus.splits[split]
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(CHECK_ROWS, len(rows))).astype(int))
    return list(rows.select(chosen)["text"]), f"{len(chosen):,} texts of the run's {split} split"


def example_batch(loaded: Trained) -> dict[str, torch.Tensor]:
    """Two short rows as a collator makes them, from which the exporter learns what inputs look like."""
    padding = PaddingCollator(loaded.tokenizer)
    if isinstance(loaded, TrainedSummarizer):
        encoder = DocumentEncoder(loaded.tokenizer, loaded.max_length, loaded.overlap)
        windows = [encoder.encode(list(sentences))[0][0] for sentences in (SENTENCES[:2], SENTENCES[1:3])]
        return {name: rows for name, rows in SentenceCollator(padding)(windows).items() if name != "labels"}
    encoded = loaded.tokenizer(
        list(SENTENCES[:2]), truncation=True, max_length=loaded.max_length, return_token_type_ids=False
    )
    return padding([{"input_ids": ids} for ids in encoded["input_ids"]])


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


def _check(
    loaded: Trained,
    file: Path,
    precision: str,
    texts: Sequence[str],
    expected: Sequence[np.ndarray],
    agreement: float,
    say: Callable[[str], None],
) -> Check:
    """Compare one graph, and say how; raises CheckpointError where it is refused."""
    found = logits_of(replace(loaded, model=OnnxNetwork(file)), texts)
    beside = file.with_name(external_name(file))
    size = file.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)
    check = Check(precision, len(texts), *compare(loaded, texts, expected, found), size)
    say(check.line())
    if problem := check.problem(agreement):
        raise CheckpointError(f"Nothing was exported. {problem}")
    return check


def _describe(loaded: Trained, folder: Path, export_facts: dict[str, Any]) -> None:
    """Write config.json with our record, and the tokenizer's files."""
    network: Any = loaded.model
    record = {**(getattr(network.config, CONFIG_KEY, None) or {}), "max_length": loaded.max_length}
    if isinstance(loaded, TrainedClassifier):
        by_label = zip(loaded.label_names, loaded.thresholds.tolist(), strict=True)
        record["thresholds"] = dict(by_label) if loaded.multi_label else {}
    setattr(network.config, CONFIG_KEY, {**record, EXPORT_KEY: export_facts})
    network.config.save_pretrained(folder)
    kept = loaded.tokenizer.model_max_length
    loaded.tokenizer.model_max_length = loaded.max_length
    try:
        loaded.tokenizer.save_pretrained(folder)
    finally:
        loaded.tokenizer.model_max_length = kept


def _place(model: str, output: str | None) -> Path:
    """Where to write; raises CheckpointError where something else stands there."""
    if output is None:
        run = Path(model).expanduser()
        if not (run / "model" / "config.json").is_file():
            raise ConfigError(f"{model} is no run's folder, inside which the exported model would go: name --output.")
        output = str(run / FOLDER)
    place = Path(output).expanduser()
    if place.exists() and not place.is_dir():
        raise CheckpointError(f"--output {place} is a file; name a new folder.")
    if not place.exists() or not any(place.iterdir()):
        return place
    why = _not_ours(place)
    if why:
        raise CheckpointError(f"--output {place} is not empty, and {why}. Nothing in it is touched; name a new folder.")
    return place


def _not_ours(folder: Path) -> str | None:
    """Why a folder may not be replaced by an export; None where it is an earlier one as that left it."""
    if export_record(folder) is None or not (folder / MANIFEST).is_file():
        return "holds no earlier export"
    try:
        check_manifest(folder)
    except CheckpointError:
        return "its files are not those that an earlier export wrote"
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    strange = sorted(held - listed_files(folder) - {MANIFEST})
    return f"holds {strange[0]} beside an earlier export" if strange else None


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder to write; it takes its place when the block ends, and vanishes when the block fails."""
    folder, old = (place.with_name(f".{place.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        yield folder
        if place.exists():
            place.rename(old)
        try:
            folder.rename(place)
        except OSError:
            if old.exists():
                old.rename(place)
            raise
    except OSError as error:
        raise CheckpointError(
            f"--output {place} cannot be written: {error.strerror or error}. Make room, or name another folder."
        ) from error
    finally:
        for left in (folder, old):
            shutil.rmtree(left, ignore_errors=True)
