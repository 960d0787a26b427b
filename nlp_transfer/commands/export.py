"""Export a trained model to ONNX, if its graph agrees with PyTorch on real texts.

float32    logits differ by at most 1e-4 of the largest (or of 1), and every row keeps its prediction
int8       a share of the rows, 0.98 by default, keeps its prediction of float32 PyTorch
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.files import atomic_folder

if TYPE_CHECKING:
    from nlp_transfer.commands.export_checks import ExportCheck, GraphCheck
    from nlp_transfer.tasks.predictor import ExportablePredictor

log = logging.getLogger(__name__)

PRECISIONS = FLOAT32, INT8, BOTH = ("float32", "int8", "both")
"""The precisions of an export; `both` writes two graphs."""


def export(
    model: str,
    *,
    output: str | None = None,
    precision: Literal["float32", "int8", "both"] = "float32",
    check: str | None = None,
    text_column: str | None = None,
    agreement: float | None = None,
) -> None:
    """Export a trained model to ONNX, and check it against PyTorch on real texts.

        nlp-transfer export runs/quickstart
        nlp-transfer export runs/quickstart --precision both --check clauses.csv --text_column clause
        nlp-transfer predict runs/quickstart clauses.csv --backend onnx --precision int8

    Prints the difference of logits, and the share of rows that keep their predictions: all in float32, in int8
    `agreement`. Else nothing is written; of both, float32 alone, and the exit status is 2. Needs pip install
    'nlp_transfer[export]'.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        output: a new folder, or that of an earlier export, which is replaced; null is onnx in the run's folder.
        precision: of the weights.
        check: file of texts to compare on; null is the run's held-out ones, if they are here.
        text_column: the column of `check` that holds the text.
        agreement: share of the rows that must keep their predictions in int8; null is 0.98.
    """
    done = export_model(model, output, precision=precision, check=check, text_column=text_column, agreement=agreement)
    print(f"Exported to {done.folder}.")
    if done.refused:
        raise CheckpointError(f"Only float32 was exported. {done.refused}")


@dataclass(frozen=True)
class Exported:
    """The folder of an export, the comparison of each of its graphs with PyTorch, and why there is no int8 of both."""

    folder: Path
    checks: "tuple[ExportCheck, ...]"
    refused: str = ""


def export_model(
    model: str,
    output: str | None = None,
    *,
    precision: str = FLOAT32,
    check: str | None = None,
    text_column: str | None = None,
    agreement: float | None = None,
) -> Exported:
    """Export a trained model; see `export` for the arguments."""
    from nlp_transfer.commands.export_checks import AGREEMENT, GraphCheck, check_texts
    from nlp_transfer.models.onnx.export import refuse_network
    from nlp_transfer.models.onnx.runtime import require_packages
    from nlp_transfer.tasks import saved_models
    from nlp_transfer.tasks.predictor import ExportablePredictor

    agreement = AGREEMENT if agreement is None else agreement
    if precision not in PRECISIONS:
        raise ConfigError(f"--precision: {did_you_mean('precision', precision, PRECISIONS)}")
    if not 0 <= agreement <= 1:
        raise ConfigError(f"--agreement is {agreement}; expected a share from 0 to 1.")
    require_packages()
    place = _place(model, output)
    predictor = saved_models.load(model)
    if not isinstance(predictor, ExportablePredictor):
        raise ConfigError(
            f"{model} is a model of {predictor.task}, which gives no logits of a whole text and cannot be exported "
            "here. Predict with PyTorch."
        )
    network: Any = predictor.model
    refuse_network(network, predictor.max_length)
    texts, description = check_texts(predictor, model, check, text_column)
    log.info("Compared with PyTorch on %s.", description)
    with _replacing(place) as folder:
        return Exported(place, *_write(predictor, folder, precision, GraphCheck(predictor, texts, agreement)))


def _write(
    predictor: "ExportablePredictor", folder: Path, precision: str, check: "GraphCheck"
) -> "tuple[tuple[ExportCheck, ...], str]":
    """Write checked graphs and the other files of an exported model; return the checks, and why int8 is not there."""
    from nlp_transfer.commands.export_checks import SENTENCES
    from nlp_transfer.models.files.manifest import write_manifest
    from nlp_transfer.models.onnx.export import OPSET, quantize, write_graph
    from nlp_transfer.models.onnx.runtime import external_name
    from nlp_transfer.tasks.exported_folder import FILES

    network: Any = predictor.model
    graph = folder / FILES[FLOAT32]
    write_graph(network, predictor.example_batch(SENTENCES), graph)
    expected = predictor.text_logits(check.texts)
    checks, refused = [], ""
    try:
        checks.append(check(graph, FLOAT32, expected))
        if precision != FLOAT32:
            quantize(graph, folder / FILES[INT8])
            checks.append(check(folder / FILES[INT8], INT8, expected))
    except CheckpointError as error:
        if not checks or precision == INT8:
            raise CheckpointError(f"Nothing was exported. {error}") from error
        refused = str(error)
    if precision == INT8:
        checks.pop(0)
    for unwanted in ([graph] if precision == INT8 else []) + ([folder / FILES[INT8]] if refused else []):
        unwanted.unlink()
        unwanted.with_name(external_name(unwanted)).unlink(missing_ok=True)
    describe(predictor, folder, {"opset": OPSET, "checks": [asdict(one) for one in checks]})
    write_manifest(folder)
    return tuple(checks), refused


def describe(predictor: "ExportablePredictor", folder: Path, export_record: dict[str, Any]) -> None:
    """Write config.json with the record of the model and its export, and the tokenizer's files."""
    from nlp_transfer.tasks.exported_folder import EXPORT_KEY
    from nlp_transfer.tasks.saved_folder import CONFIG_KEY
    from nlp_transfer.tasks.saved_models import save_tokenizer

    network: Any = predictor.model
    record = {**(getattr(network.config, CONFIG_KEY, None) or {}), "task": predictor.task, **predictor.state()}
    setattr(network.config, CONFIG_KEY, {**record, EXPORT_KEY: export_record})
    network.config.save_pretrained(folder)
    save_tokenizer(predictor.tokenizer, folder, predictor.max_length)


def _place(model: str, output: str | None) -> Path:
    """Return the folder to write; raise CheckpointError if something else is there."""
    from nlp_transfer.tasks.exported_folder import FOLDER

    if output is None:
        run = Path(model).expanduser()
        if not (run / "model" / "config.json").is_file():
            raise ConfigError(f"{model} is no run's folder, inside which the exported model would go: name --output.")
        output = str(run / FOLDER)
    place = Path(output).expanduser()
    if place.is_dir() and any(place.iterdir()) and (why := _not_ours(place)):
        raise CheckpointError(f"--output {place} is not empty, and {why}. Nothing in it is touched; name a new folder.")
    if place.exists() and not place.is_dir():
        raise CheckpointError(f"--output {place} is a file; name a new folder.")
    return place


def _not_ours(folder: Path) -> str | None:
    """Return the reason not to replace a folder; None for an unchanged earlier export."""
    from nlp_transfer.models.files.manifest import MANIFEST, check_manifest, listed_files
    from nlp_transfer.tasks.exported_folder import export_record

    if export_record(folder) is None or not (folder / MANIFEST).is_file():
        return "holds no earlier export"
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    try:
        if strange := sorted(held - listed_files(folder) - {MANIFEST}):
            return f"holds {strange[0]} next to an earlier export"
        check_manifest(folder)
    except CheckpointError:
        return "its files are not those that an earlier export wrote"
    return None


@contextmanager
def _replacing(place: Path) -> Iterator[Path]:
    """Yield a folder to write, which replaces an earlier export when the block ends."""
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
