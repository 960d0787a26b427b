"""This package's side for the same model, rows, recipe, epochs and seed: the parts of `run`, timed."""

from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import Trainer

from nlp_transfer import TransferTrainer
from nlp_transfer.commands.export import BOTH, export_model
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import ONNX
from nlp_transfer.tasks.classification.predictor import ClassificationPredictor
from nlp_transfer.tasks.exported_folder import FOLDER
from nlp_transfer.training import scoring
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.model_saving import save_model
from nlp_transfer.training.runtime import deterministic, use_float32
from nlp_transfer.training.setup import RunData, build_trainer, load_model
from scripts.benchmark import stock_side
from scripts.benchmark.cases import Case
from scripts.benchmark.machine import Meter
from scripts.benchmark.rows import CaseRows


def train(config: Experiment, rows: CaseRows, folder: Path, meter: Meter) -> TransferTrainer:
    """Train as `run` does; what a method does before the trainer (encoding, fitting a head) is timed too."""
    loaded = load_model(config, rows.task)
    if config.training.device.type == "cuda":
        network: torch.nn.Module = loaded.model
        network.to(config.training.device)  # as a stock Trainer does when it is made, before it is timed
    PartialState().wait_for_everyone()
    with deterministic(config.training.device), meter:
        data = RunData({}, rows.task, rows.tokenizer, {"source": rows.encoded})
        trainer, _ = build_trainer(config, data, loaded, folder)
        trainer.train()
    use_float32(trainer)
    return trainer


def train_by_import(case: Case, config: Experiment, rows: CaseRows, folder: Path, meter: Meter) -> Trainer:
    """Train the stock side's model with our Trainer in the place of stock's, and nothing else changed."""
    trainer = stock_side.build(
        case, config, rows, folder, trainer_class=TransferTrainer, arguments_class=TransferArguments
    )
    with meter:
        trainer.train()
    return trainer


def save_classifier(config: Experiment, rows: CaseRows, folder: Path, *, exported: bool = False) -> None:
    """Train a classifier and save it as a run does, for both sides to predict with; and export it, if asked to.

    The int8 graph is taken however many labels it changes: the table says what that costs.
    """
    trainer = train(config, rows, folder, Meter(config.training.device))
    validation = scoring.predict(trainer, rows.encoded["validation"])
    if validation[1] is not None:
        rows.task.fit_decision(validation[0], validation[1])
    save_model(trainer, rows.task, rows.tokenizer, folder)
    if exported:
        export_model(str(folder), precision=BOTH, agreement=0.0)


def predict(
    classifier: str, texts: list[str], device: torch.device, meter: Meter, *, precision: str | None = None
) -> list[Any]:
    """Return the class of each text, predicted by this package; the model is loaded before the meter runs.

    Args:
        classifier: its folder, `model` in that of its run.
        texts: what to predict.
        device: where.
        meter: times it.
        precision: that of the exported model beside it, in its place; None is PyTorch's.
    """
    if precision is None:
        loaded = saved_models.load(classifier, device=str(device))
    else:
        beside = Path(classifier).parent / FOLDER
        loaded = saved_models.load(beside, backend=ONNX, precision=precision)
    assert isinstance(loaded, ClassificationPredictor), "the benchmark saved a classifier"
    with meter:
        return [one.predicted for one in loaded.predictions(enumerate(texts))]
