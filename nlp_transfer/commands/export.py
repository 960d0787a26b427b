"""Export a trained model to ONNX."""

from typing import Literal


def export(
    model: str,
    *,
    output: str | None = None,
    precision: Literal["float32", "int8", "both"] = "float32",
    check: str | None = None,
    text_column: str | None = None,
    agreement: float | None = None,
) -> None:
    """Export a trained model to ONNX, and check it against PyTorch on real texts.

        nlp-transfer export runs/quickstart
        nlp-transfer export runs/quickstart --precision both --check clauses.csv --text_column clause
        nlp-transfer predict runs/quickstart clauses.csv --backend onnx --precision int8

    Prints how far the logits of texts differ, and the share of texts that keep their labels. Float32 must keep all
    labels, with logits within 0.0001 of the largest; int8 must keep those of `agreement` of the texts. Else nothing is
    written. Needs pip install 'nlp_transfer[export]'.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        output: a new folder, or that of an earlier export, which is replaced; null is onnx in the run's folder.
        precision: of the weights.
        check: file of texts to compare on; null is the run's held-out ones, if they are here.
        text_column: the column of `check` that holds the text.
        agreement: share of the texts that must keep their labels in int8; null is 0.98.
    """
    from nlp_transfer.commands.export_checks import AGREEMENT
    from nlp_transfer.commands.exporting import export as write

    share = AGREEMENT if agreement is None else agreement
    done = write(model, output, precision=precision, check=check, text_column=text_column, agreement=share)
    print(f"Exported to {done.folder}.")
