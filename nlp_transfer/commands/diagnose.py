"""Diagnose corpora and an encoder before any training."""

from nlp_transfer.config.experiment import Experiment

BASE_CONFIG = {"training": {"output_dir": "runs/diagnosis"}}
"""The configuration under the user's: nothing is trained, so no folder for a run needs to be named."""


def diagnose(config: Experiment, *, output: str | None = None, rows: int | None = 5000) -> None:
    """Diagnose corpora and an encoder before any training.

        nlp-transfer diagnose --config configs/quickstart.yaml --output runs/diagnosis
        nlp-transfer diagnose --model bert-base-cased --source.path clauses.csv --target.path letters.csv

    Reads the texts with the frozen encoder, and fits linear models. Says how long texts are and what is cut, which are
    near-duplicates, which labels look wrong, what each layer knows, and, with a target, how it differs from the source
    and how accurate a model of the source is there, without its labels.

    Args:
        config: the experiment, as of `train`; methods and training arguments do not matter.
        output: a new folder for diagnosis.html, diagnosis.md, diagnosis.json and label_errors.jsonl; null writes none.
        rows: maximum number of texts of a domain that the encoder reads, drawn at random; null reads all.
    """
    from nlp_transfer.reporting.diagnosis.page import diagnose as diagnosis_of
    from nlp_transfer.reporting.tables import console, to_rich
    from nlp_transfer.tasks.blocks import Alert, Table, Text

    found = diagnosis_of(config, output=output, rows=rows)
    for section in found.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                console().print(to_rich(block, longest_name=60))
            elif isinstance(block, Text | Alert):
                text = block.markdown if isinstance(block, Text) else f"Warning: {block.text}"
                console().print(text, markup=False, highlight=False)
        console().print("")
    for word, path in found.paths.items():
        print(f"{word:<8} {path}")
