"""The parts of an experiment that training reads; `config.experiment.Experiment` has them."""

# ruff: noqa: D102  # `Experiment` documents them

from typing import Protocol, Self

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.methods.base import Method
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import Task
from nlp_transfer.training.arguments import TransferArguments


class ExperimentParts(Protocol):
    """Name the parts of an experiment that training reads."""

    @property
    def sources(self) -> tuple[CorpusConfig, ...]: ...

    @property
    def target(self) -> CorpusConfig | None: ...

    @property
    def task(self) -> Task: ...

    @property
    def methods(self) -> tuple[Method, ...]: ...

    @property
    def training(self) -> TransferArguments: ...

    @property
    def model(self) -> str: ...

    @property
    def model_reference(self) -> ModelReference: ...

    @property
    def tokenizer(self) -> str | None: ...

    @property
    def log_target_scores(self) -> bool: ...

    @property
    def prior_correction(self) -> bool: ...

    @property
    def report_examples(self) -> int: ...

    @property
    def baseline_names(self) -> tuple[str, ...]: ...

    def sized(self, rows: int) -> Self: ...
