"""Predict texts with a saved model."""

import sys
from typing import Any, Literal

from nlp_transfer.config.command_ending import reader_may_leave


def predict(
    model: str,
    file: str = "-",
    *,
    output: str | None = None,
    text_column: str | None = None,
    format: Literal["auto", "jsonl", "text", "document", "csv", "tsv"] = "auto",
    top_k: int | None = None,
    length_unit: str | None = None,
    length: float | None = None,
    generation: dict[str, Any] | None = None,
    backend: str = "pytorch",
    precision: str | None = None,
    device: str = "auto",
    max_tokens: int | None = None,
) -> None:
    """Predict texts with a saved model: JSON Lines out, one line a text, in the order of the input.

        nlp-transfer predict runs/quickstart texts.jsonl.gz --output predicted.jsonl.gz
        nlp-transfer predict runs/quickstart clauses.csv --text_column clause --top_k 3
        nlp-transfer predict runs/aclsum papers/ --output summaries.jsonl

        {"id": 0, "predicted": "Permissive", "probabilities": {"Copyleft": 0.017689, "Permissive": 0.982311}}

    The id is the column id, else the row's number from 0; of a folder, the file's path in it. Memory does not grow with
    the input. A bad row is named with its file, line and id. The file `output` appears when all is predicted.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        file: a file that ends in .jsonl, .ndjson, .json, .csv, .tsv, .parquet or .txt (one text a line), each also with
            .gz; a folder of text files; - is standard input.
        output: write to this file, and not to standard output.
        text_column: the column that holds the text; null is text, or document for a model that summarises.
        format: auto goes by the suffix, and on standard input by the first line; text is one text a line; document is
            all as one text.
        top_k: show so many of the most probable classes; null is all.
        length_unit: of a model that selects sentences, sentences, words, characters, or share; null is as trained.
        length: how many of them a summary may have.
        generation: of a model that writes, NAME=VALUE settings of GenerationConfig, such as num_beams=1.
        backend: pytorch, or onnx for an exported model.
        precision: of an exported model, float32 or int8.
        device: cpu, cuda, cuda:1; auto is a GPU, if there is one.
        max_tokens: tokens of a batch, padding counted; null suits the device, fewer need less memory.
    """
    from nlp_transfer.tasks.sequence_classification.predictor import predict_file

    with reader_may_leave():
        count = predict_file(
            model,
            file,
            output=output,
            text_column=text_column,
            file_format=format,
            top_k=top_k,
            length_unit=length_unit,
            length=length,
            generation=generation,
            backend=backend,
            precision=precision,
            device=device,
            max_tokens=max_tokens,
        )
        if not count:
            name = "Standard input" if file == "-" else file
            print(f"{name} holds no texts; nothing was predicted.", file=sys.stderr)
