"""Diagnose corpora and an encoder before any training. A new part is one file, its test, and one line here."""

from collections.abc import Callable

from nlp_transfer.reporting.diagnosis.classes import classes
from nlp_transfer.reporting.diagnosis.domains import domains
from nlp_transfer.reporting.diagnosis.duplicates import duplicates
from nlp_transfer.reporting.diagnosis.encoders import encoders
from nlp_transfer.reporting.diagnosis.label_shift import label_shift
from nlp_transfer.reporting.diagnosis.labels import labels
from nlp_transfer.reporting.diagnosis.layers import layers
from nlp_transfer.reporting.diagnosis.more_labels import more_labels
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.sources import sources
from nlp_transfer.reporting.diagnosis.texts import texts
from nlp_transfer.tasks.blocks import Section

DIAGNOSES: tuple[Callable[[DiagnosisData], Section | None], ...] = (
    *(texts, classes, duplicates, labels, more_labels, layers),
    *(encoders, domains, label_shift, sources),
)
"""The sections of a diagnosis, in order."""
