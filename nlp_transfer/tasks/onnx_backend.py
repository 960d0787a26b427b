"""Load a model that scripts/export.py wrote: its graph for ONNX Runtime, and all else as `hub.load` has it.

    model.onnx, model_int8.onnx    the graphs, one of them or both
    config.json                    the network's, with label names; our record: thresholds, lengths, what was checked
    tokenizer files, manifest.json

The folder holds no weights for PyTorch; `scripts/predict.py --backend onnx` and `scripts/evaluate.py --backend onnx`
read it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.models.config_values import label_problems
from nlp_transfer.models.onnx.runtime import OnnxNetwork, require_packages
from nlp_transfer.tasks.saved_folder import CONFIG_KEY
from nlp_transfer.tasks.saved_models import EXTRACTIVE_TASK, summarizer_settings
from nlp_transfer.tasks.trained import TrainedClassifier, TrainedSummarizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILES = {"float32": "model.onnx", "int8": "model_int8.onnx"}
"""A graph's file by its precision; of several, the first is the default."""

FOLDER = "onnx"
"""Where an exported model stands in its run's folder."""

EXPORT_KEY = "export"
"""The part of our record that says how a model was exported."""


def load_classifier(name: str | Path, precision: str | None = None) -> TrainedClassifier:
    """Load an exported classifier.

    Args:
        name: the exported model's folder, or that of a run that holds one.
        precision: `float32` or `int8`; None is the first that there is.

    Raises:
        ConfigError: there is no such precision, or ONNX Runtime is not installed.
        CheckpointError: it is not there, is torn, not what its manifest says, or no classifier.
    """
    folder, config, record, tokenizer = _read(name)
    if record.get("task") == EXTRACTIVE_TASK:
        raise CheckpointError(
            f"{name} summarises documents, and a classifier is needed here. scripts/predict.py reads it."
        )
    if problems := list(label_problems(folder)):
        raise CheckpointError(problems)
    labels = [config.id2label[i] for i in range(config.num_labels)]
    try:
        thresholds, max_length = record["thresholds"], int(record["max_length"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} lacks in its config.json how texts are read ({error}). {_AGAIN}") from error
    network = OnnxNetwork(_file(folder, precision))
    network.check_outputs(len(labels))
    return TrainedClassifier(
        model=network,
        tokenizer=tokenizer,
        label_names=labels,
        multi_label=config.problem_type == "multi_label_classification",
        max_length=max_length,
        thresholds=np.array([thresholds.get(label, 0.5) for label in labels]),
        origin=str(folder),
    )


def load_summarizer(name: str | Path, precision: str | None = None) -> TrainedSummarizer:
    """Load an exported summariser; see `load_classifier`."""
    folder, _, record, tokenizer = _read(name)
    settings = summarizer_settings(str(name), record)
    network = OnnxNetwork(_file(folder, precision))
    return TrainedSummarizer(model=network, tokenizer=tokenizer, origin=str(folder), **settings)


def exported_folder(name: str | Path) -> Path:
    """The folder of an exported model that a name means; raises CheckpointError where there is none."""
    if not str(name):
        raise CheckpointError("The model's name is empty; expected the folder of an exported model, or a run's.")
    folder = Path(name).expanduser()
    for place in (folder, folder / FOLDER):
        if any((place / file).is_file() for file in FILES.values()):
            return place
    raise CheckpointError(
        f"{name} holds no exported model: there is neither {' nor '.join(FILES.values())}, nor a folder {FOLDER} with "
        f"one. Export a run's model first: python scripts/export.py {name}"
    )


def export_record(folder: Path) -> dict[str, Any] | None:
    """What an export recorded in a folder; None where none did."""
    import json

    try:
        record = json.loads((folder / "config.json").read_text("utf-8"))[CONFIG_KEY][EXPORT_KEY]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if isinstance(record, dict) else None


_AGAIN = "Export the model again with scripts/export.py."


def _read(name: str | Path) -> tuple[Path, Any, dict[str, Any], "PreTrainedTokenizerBase"]:
    """The folder, the network's configuration, our record and the tokenizer; raises CheckpointError."""
    require_packages()
    from transformers import AutoConfig

    from nlp_transfer.models.files.validate import check_safe
    from nlp_transfer.models.loading import quiet, read_tokenizer

    folder = exported_folder(name)
    check_safe(folder)
    if export_record(folder) is None:
        raise CheckpointError(f"{folder} lacks in its config.json how it was exported. {_AGAIN}")
    try:
        tokenizer = read_tokenizer(str(folder), folder)
        with quiet():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except ConfigError as error:
        raise CheckpointError([problem.replace("model: ", "", 1) for problem in error.problems]) from error
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder}: its config.json cannot be read: {error}. {_AGAIN}") from error
    return folder, config, getattr(config, CONFIG_KEY), tokenizer


def _file(folder: Path, precision: str | None) -> Path:
    """The graph of a precision; raises ConfigError for an unknown one, CheckpointError for one that is not there."""
    if precision is not None and precision not in FILES:
        raise ConfigError(f"--precision: {did_you_mean('precision', precision, FILES)}")
    there = [name for name, file in FILES.items() if (folder / file).is_file()]
    chosen = precision or there[0]
    if chosen not in there:
        raise CheckpointError(
            f"{folder} has no {FILES[chosen]}; it holds {', '.join(FILES[name] for name in there)}. Export it with "
            f"scripts/export.py --precision {chosen}, or choose --precision {there[0]}."
        )
    return folder / FILES[chosen]
