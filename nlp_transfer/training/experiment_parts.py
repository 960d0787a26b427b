"""The parts of an experiment that training reads; `config.experiment.Experiment` has them."""

from typing import Protocol

from nlp_transfer.data import CorpusConfig
from nlp_transfer.methods.base import Method
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import Task
from nlp_transfer.training.arguments import TransferArguments


class ExperimentParts(Protocol):
    """Name the parts of an experiment that training reads."""

    @property
    def sources(self) -> tuple[CorpusConfig, ...]:
        """Return the source corpora."""

    @property
    def target(self) -> CorpusConfig | None:
        """Return the target corpus."""

    @property
    def task(self) -> Task:
        """Return the task."""

    @property
    def methods(self) -> tuple[Method, ...]:
        """Return the transfer methods."""

    @property
    def training(self) -> TransferArguments:
        """Return the training arguments."""

    @property
    def model(self) -> str:
        """Return the pretrained model."""

    @property
    def model_reference(self) -> ModelReference:
        """Return the pretrained model with its revision and the options of its loading."""

    @property
    def tokenizer(self) -> str | None:
        """Return the tokenizer, if not the model's."""

    @property
    def log_target_scores(self) -> bool:
        """Return whether the target is scored in each evaluation."""

    @property
    def prior_correction(self) -> bool:
        """Return whether the model is corrected for the target's class frequencies."""

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Return the baselines that the report compares with."""
