"""Export a trained model to ONNX, and believe it only where it says what PyTorch says, on real texts.

The graph is written beside its place, computed with ONNX Runtime on the check's texts, and takes its place if

    float32    logits differ by at most 1e-4 of the largest (or of 1), and every text gets the same labels
    int8       a share of the texts, 0.98 unless told, gets the same labels as in float32 PyTorch

else nothing is left behind. See commands/export_checks.py.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nlp_transfer.commands.export_checks import (
    AGREEMENT,
    SENTENCES,
    ExportCheck,
    Trained,
    check_graph,
    check_texts,
    logits_of,
)
from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder
from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.files import atomic_folder
from nlp_transfer.models.files.manifest import MANIFEST, check_manifest, listed_files, write_manifest
from nlp_transfer.models.onnx.export import OPSET, quantize, refuse_network, write_graph
from nlp_transfer.models.onnx.runtime import external_name, require_packages
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.onnx_backend import EXPORT_KEY, FILES, FOLDER, export_record
from nlp_transfer.tasks.saved_folder import CONFIG_KEY
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer

log = logging.getLogger(__name__)

BOTH = "both"
"""The precision that stands for all of `FILES`."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        folder: where.
        checks: how each graph in it compares with PyTorch.
    """

    folder: Path
    checks: tuple[ExportCheck, ...]


def export(
    model: str,
    output: str | None = None,
    *,
    precision: str = "float32",
    check: str | None = None,
    text_column: str | None = None,
    agreement: float = AGREEMENT,
) -> Exported:
    """Export a trained model.

    Args:
        model: a run's output folder, a model folder, or a Hub id.
        output: the folder to write: a new or empty one, or that of an earlier export; None is `onnx` in the run's.
        precision: `float32`, `int8`, or `both`.
        check: a file or folder of texts to compare on, as `Texts` reads it.
        text_column: the column that holds them; None is `text`, or `document` for a summariser.
        agreement: the share of texts that must keep their labels in int8.

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
    loaded = saved_models.load(model)
    if isinstance(loaded, TrainedAbstractiveSummarizer):
        raise ConfigError(
            f"{model} writes its summaries, a token after the other, which cannot be exported here. Predict with "
            "PyTorch."
        )
    network: Any = loaded.model
    refuse_network(network, loaded.max_length)
    texts, what = check_texts(loaded, model, check, text_column)
    log.info("Compared with PyTorch on %s.", what)
    wanted = tuple(FILES) if precision == BOTH else (precision,)
    with _beside(place) as folder:
        graph = folder / FILES["float32"]
        write_graph(network, example_batch(loaded), graph)
        expected = logits_of(loaded, texts)
        checks = [check_graph(loaded, graph, "float32", texts, expected, agreement)]
        if "int8" in wanted:
            quantize(graph, folder / FILES["int8"])
            try:
                checks.append(check_graph(loaded, folder / FILES["int8"], "int8", texts, expected, agreement))
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
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    try:
        if strange := sorted(held - listed_files(folder) - {MANIFEST}):
            return f"holds {strange[0]} beside an earlier export"
        check_manifest(folder)
    except CheckpointError:
        return "its files are not those that an earlier export wrote"
    return None


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder to write; it takes its place, or that of an earlier export, when the block ends."""
    old = place.with_name(f".{place.name}.{os.getpid()}.old.tmp")
    try:
        with atomic_folder(place) as folder:
            yield folder
            if place.exists():
                place.rename(old)
    except OSError as error:
        raise CheckpointError(
            f"--output {place} cannot be written: {error.strerror or error}. Make room, or name another folder."
        ) from error
    finally:
        if old.exists() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
