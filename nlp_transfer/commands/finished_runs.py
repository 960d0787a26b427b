"""Read a finished run from its folder: configuration, report and model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import folder_fingerprint
from nlp_transfer.reporting.report import MODEL, Report
from nlp_transfer.reporting.run_folder import check_results, inspect
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.predictor import ExportablePredictor

NOT_TRAINING = (("training.report_to", "none"), ("training.fp16", False))
"""Overrides for reading a run's configuration where it is not trained: a logger or a GPU may be missing there."""


@dataclass(frozen=True)
class FinishedRun:
    """Hold a finished run: its folder, `run.json`, and the report that it wrote."""

    folder: Path
    record: Mapping[str, Any]
    report: Report

    @property
    def config(self) -> Mapping[str, Any]:
        """Return the run's configuration."""
        config: Mapping[str, Any] = self.record["config"]
        return config

    @property
    def task(self) -> str:
        """Return the task's name."""
        return str(self.config["task"]["name"])

    @property
    def inputs(self) -> dict[str, str]:
        """Return the fingerprints of its corpora and its base model, by name."""
        return dict(self.record.get("inputs", {}))

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of its weights; raise CheckpointError if it has none."""
        if not (self.folder / MODEL).is_dir():
            raise CheckpointError(f"{self.folder} has no {MODEL}/; expected a finished run that left one.")
        return folder_fingerprint(self.folder / MODEL, "*.safetensors")

    @cached_property
    def settings(self) -> Experiment:
        """Return the configuration, typed; raises ConfigError if it asks for what is not here, such as its corpus."""
        return load_config(tree=self.config, overrides=NOT_TRAINING)

    @cached_property
    def predictor(self) -> ExportablePredictor:
        """Load its predictor; raise CheckpointError if it gives no logits by which weights can be compared."""
        predictor = saved_models.load(self.folder / MODEL)
        if not isinstance(predictor, ExportablePredictor):
            raise CheckpointError(
                f"{self.folder / MODEL} is a model of {predictor.task}, which gives no logits of a whole text, so its "
                "weights cannot be merged."
            )
        return predictor

    @property
    def weights(self) -> dict[str, Any]:
        """Return the weights of its network."""
        network: Any = self.predictor.model
        return {name: weight.detach().clone() for name, weight in network.state_dict().items()}


def read_run(folder: str | Path) -> FinishedRun:
    """Read a finished run; raise CheckpointError if it is none, is not finished, or was changed since."""
    place = Path(folder).expanduser()
    found = inspect(place)
    if found.state != "finished":
        what = {"empty": "is empty or not there", "unfinished": "holds an unfinished run; finish it with --resume"}
        hint = f"; name the run's folder, {place.parent}" if (place.parent / "run.json").is_file() else ""
        raise CheckpointError(
            f"{place} {what.get(found.state, 'holds no run of ours')}. Expected the output folder of a finished run"
            f"{hint}."
        )
    check_results(place, found.record, complete=False)
    return FinishedRun(place, found.record, Report.read(place))
