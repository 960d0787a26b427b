"""Make the diagnosis of an experiment, and write its page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError, ConfigError, format_value
from nlp_transfer.files import atomic_folder, check_empty_folder, json_line, make_private_folder, write_json, write_text
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.outputs import Output
from nlp_transfer.reporting.diagnosis import DIAGNOSES
from nlp_transfer.reporting.diagnosis.labels import label_rows
from nlp_transfer.reporting.diagnosis.numbers import DiagnosisNumbers, diagnosis_numbers
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.html import sections_page
from nlp_transfer.reporting.markdown import sections_markdown
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Alert, Section, section_record
from nlp_transfer.training.experiment_parts import ExperimentParts

FILES = {"page": "diagnosis.html", "report": "diagnosis.md", "data": "diagnosis.json", "labels": "label_errors.jsonl"}
"""Names of the files, by the word that a command prints."""

MIN_READ = 50
"""Smallest limit of the texts that are read."""


@dataclass(frozen=True)
class Diagnosis:
    """Hold a diagnosis; it prints as Markdown.

    Args:
        sections: in order; see `DIAGNOSES`.
        numbers: the same for a program.
        sampled: of which domains a sample was read, as a sentence.
        label_errors: each labelled row of the source, the most doubtful label first.
        paths: of the files that were written, by word.
    """

    title: str
    encoder: str
    sections: tuple[Section, ...] = field(repr=False)
    numbers: DiagnosisNumbers
    label_errors: list[dict[str, Any]] = field(default_factory=list, repr=False)
    sampled: str = ""
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def lead(self) -> list[str]:
        """Return the first sentences."""
        read = f"Texts were read by the frozen encoder {self.encoder}; nothing was trained but linear models on it."
        return [read, self.sampled] if self.sampled else [read]

    @property
    def warnings(self) -> list[str]:
        """Return the warnings of all sections."""
        return [block.text for section in self.sections for block in section.blocks if isinstance(block, Alert)]

    def __str__(self) -> str:
        return sections_markdown(self.title, self.lead, self.sections)

    def _repr_markdown_(self) -> str:
        """Return the diagnosis for a notebook."""
        return str(self)


def diagnose(
    config: ExperimentParts, *, output: str | None = None, rows: int | None = 5000, encoders: Sequence[str] = ()
) -> Diagnosis:
    """Diagnose an experiment's corpora and encoder, without training.

    Args:
        output: a new folder for diagnosis.html, diagnosis.md, diagnosis.json and label_errors.jsonl; None writes none.
        rows: maximum number of texts of a domain that the encoder reads, drawn at random; None reads all.
        encoders: other encoders, as `config.model`, to be ranked with it.

    Raises:
        ConfigError: the task has no classes, or `rows` is too small.
        DataError: the corpora cannot be read, or have too few labelled rows.
        CheckpointError: `output` holds something, or cannot be written.

    Example:
        >>> task, training = {"max_length": 64}, {"output_dir": "runs/none"}
        >>> found = diagnose(Experiment("encoder", "corpus", training, task=task))
        >>> [section.title for section in found.sections]
        ['Texts', 'Classes', 'Near-duplicates', 'Labels', 'More labels', 'Encoder']
        >>> found.numbers.best_layer in found.numbers.macro_f1
        True
    """
    encoders = [encoders] if isinstance(encoders, str) else encoders
    if not hasattr(config, "task"):
        raise ConfigError(
            f"diagnose was given {format_value(config)}; expected an Experiment: diagnose(load_config('my.yaml'))."
        )
    place = None if output is None else check_empty_folder(output, "--output")
    if not config.task.provides >= {Output.LOGITS, Output.TOKENS}:
        raise ConfigError(
            f"diagnose needs a task with classes of texts, such as sequence_classification; got {config.task.name}."
        )
    if not config.sources:
        raise ConfigError("diagnose reads the source, and there is none. Name it with source: {path: …}.")
    if rows is not None and rows < MIN_READ:
        raise ConfigError(f"--rows is {rows}; expected {MIN_READ} or more, or null for all.")
    for name in encoders:
        model_folder(name)  # one that is not there is an error now, and not after minutes
    data = DiagnosisData(config, prepare(config), rows, tuple(encoders))
    data.check()
    sections = tuple(section for make in DIAGNOSES if (section := make(data)) is not None)
    origins = " and ".join(corpus.origin for corpus in data.prepared.data.corpora.values())
    found = Diagnosis(
        f"Diagnosis of {origins}",
        data.prepared.loaded.origin,
        sections,
        diagnosis_numbers(data),
        list(label_rows(data)),
        data.sampled,
    )
    return found if place is None else _written(found, place)


def _written(found: Diagnosis, place: Path) -> Diagnosis:
    """Write a diagnosis into a new folder; return it with the paths."""
    try:
        with atomic_folder(place) as folder:
            make_private_folder(folder)  # it may hold texts
            write_text(folder / FILES["page"], sections_page(found.title, found.lead, found.sections, found.warnings))
            write_text(folder / FILES["report"], str(found))
            numbers, records = asdict(found.numbers), [*map(section_record, found.sections)]
            record = {"title": found.title, "numbers": numbers, "sections": records}
            write_json(folder / FILES["data"], record)
            (folder / FILES["labels"]).write_bytes(b"".join(map(json_line, found.label_errors)))
    except OSError as error:
        raise CheckpointError(f"--output {place} cannot be written: {error.strerror or error}.") from error
    return replace(found, paths={word: str(place / name) for word, name in FILES.items()})
