"""Diagnose corpora and an encoder before any training."""

from nlp_transfer.config.experiment import Experiment

BASE_CONFIG = {"training": {"output_dir": "runs/diagnosis"}}
"""The configuration under the user's: nothing is trained, so no folder for a run needs to be named."""


def diagnose(
    config: Experiment, *, output: str | None = None, rows: int | None = 5000, encoders: list[str] | None = None
) -> None:
    """Diagnose corpora and an encoder before any training.

        nlp-transfer diagnose --config configs/quickstart.yaml --output runs/diagnosis
        nlp-transfer diagnose --model bert-base-cased --source.path clauses.csv --target.path letters.csv
        nlp-transfer diagnose --config clauses.yaml --encoders bert-base-cased answerdotai/ModernBERT-base

    Reads the texts with the frozen encoder, and fits linear models. Lists lengths and what is cut, languages,
    near-duplicates, labels that look wrong, what more labels would bring, what each layer knows, and, with a target,
    how it differs from the source and how accurate a model of the source is there, without its labels.

    Args:
        config: the experiment, as of `train`; methods and training arguments do not matter.
        output: a new folder for diagnosis.html, diagnosis.md, diagnosis.json and label_errors.jsonl; null writes none.
        rows: maximum number of texts of a domain that the encoder reads, drawn at random; null reads all.
        encoders: other encoders, as --model, to be ranked with it.
    """
    from nlp_transfer.reporting.diagnosis.page import diagnose as diagnosis_of
    from nlp_transfer.reporting.tables import console
    from nlp_transfer.reporting.terminal import path_lines, print_sections

    found = diagnosis_of(config, output=output, rows=rows, encoders=encoders or ())
    console().print(" ".join(found.lead), markup=False, highlight=False)
    print_sections(found.sections)
    console().print(*path_lines(found.paths), sep="\n")
