"""Load and check what a run reads, before anything is written."""

from dataclasses import dataclass

from transformers.utils import logging as transformers_logging

from nlp_transfer.models.loading import LoadedModel
from nlp_transfer.reporting.run_facts import describe_corpora, truncation_summary, unreadable_warnings
from nlp_transfer.training.agreement import check_agreement
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.runtime import use_cores
from nlp_transfer.training.setup import RunData, load_data, load_model
from nlp_transfer.training.target_data import check_run_target


@dataclass(frozen=True)
class PreparedRun:
    """Hold what a run reads, loaded and checked before anything is written.

    Args:
        data: corpora, task, tokenizer and encoded rows.
        loaded: the pretrained model with a new head.
        warnings: what whoever uses the model must know.
        notes: what whoever starts the run should know.
    """

    data: RunData
    loaded: LoadedModel
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(experiment: ExperimentParts) -> PreparedRun:
    """Load and check what an experiment reads.

    Raises:
        ConfigError, DataError: something cannot be read, or does not go together.
    """
    transformers_logging.disable_progress_bar()  # those for each saved file; the run's own bars stay
    if experiment.training.device.type == "cpu":
        use_cores(experiment.training.cpu_threads)
    data = load_data(experiment)
    corpora, task, tokenizer, encoded = data
    check_agreement(
        {f"the fingerprint of the {name} corpus": corpus.fingerprint[:12] for name, corpus in corpora.items()}
    )
    unreadable = unreadable_warnings(encoded, corpora, tokenizer)
    notes = [*describe_corpora(corpora), *(f"Warning: {warning}" for warning in unreadable)]
    notes += [f"{name}: {value}" for name, value in {**truncation_summary(encoded), **task.facts}.items()]
    if note := check_run_target(experiment, encoded, tokenizer).note:
        notes.append(note)
    loaded = load_model(experiment, task)
    return PreparedRun(data, loaded, unreadable, (*notes, *loaded.notes))
