"""Predict the rows of a file with a saved model, and write them as JSON Lines, CSV or Parquet."""

import logging
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from nlp_transfer.config.command_ending import discard_output, reader_may_leave
from nlp_transfer.data.formats import data_suffix
from nlp_transfer.data.input_texts import STANDARD_INPUT, InputReader
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import ConfigError
from nlp_transfer.files import encoding_problem
from nlp_transfer.tasks.backends import Compute

if TYPE_CHECKING:
    from nlp_transfer.tasks.predictor import Predictor

log = logging.getLogger(__name__)

_MAX_LISTED_PROBLEMS = 5


def predict(
    model: str,
    file: str = "-",
    *,
    output: str | None = None,
    text_column: str | None = None,
    format: Literal["auto", "jsonl", "text", "document", "csv", "tsv"] = "auto",
    top_k: int | None = None,
    windows: int | None = None,
    descriptions: dict[str, str] | None = None,
    transductive: bool = False,
    length_unit: str | None = None,
    length: float | None = None,
    generation: dict[str, Any] | None = None,
    keep_columns: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    encoding: str | None = None,
    sheet: str | None = None,
    compute: Compute | None = None,
) -> None:
    """Predict texts with a saved model, one row a text, in the order of the input.

        nlp-transfer predict runs/quickstart texts.jsonl.gz --output predicted.jsonl.gz
        nlp-transfer predict runs/quickstart clauses.csv --output predicted.csv --keep_columns --on_error skip
        nlp-transfer predict runs/aclsum papers/ --output summaries.jsonl

        {"id": 0, "predicted": "Permissive", "probabilities": {"Copyleft": 0.017689, "Permissive": 0.982311}}

    The id is the column id, else the row's number from 0; of a folder, the file's path in it. Memory does not grow with
    the input, unless it is `transductive`. A bad row is named with its file, line and id. The file `output` appears
    when all is predicted.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        file: a file that ends in .jsonl, .ndjson, .json, .csv, .tsv, .parquet, .xlsx, .conll, .bio or .txt (one text a
            line), each also with .gz; a folder of text files; for a model of images one, or a folder of them; - is
            standard input.
        output: write to this new file, and not to standard output: .jsonl, .csv or .parquet, each also with .gz.
            Tables have a column a class, and lists as JSON.
        text_column: the column that holds the text; null is its name in training, else text, or document for a
            model that summarises.
        format: auto goes by the suffix, and on standard input by the first line; text is one text a line; document is
            all as one text.
        top_k: show so many of the most probable classes; null is all.
        windows: of a classifier of long documents, name so many windows that decided, with character offsets.
        descriptions: CLASS=TEXT for each class, such as paid="The software is sold.": a model of natural language
            inference, such as facebook/bart-large-mnli, predicts the class whose text a text entails most (zero-shot).
        transductive: of a classifier of texts, read all of them, 500 or more, and correct their predictions by their
            words before the first is written; for texts of another kind than those of training.
        length_unit: of a model that selects sentences, sentences, words, characters, or share; null is as trained.
        length: how many of them a summary may have.
        generation: of a model that writes, NAME=VALUE settings of GenerationConfig, such as num_beams=1.
        keep_columns: write the input's columns, too.
        on_error: stop at a text that is missing, empty or no string, or a row that cannot be read (a broken line of
            JSON, a wrong number of CSV cells, an error in an Excel cell), before anything is written to `output`; skip
            writes its row without a prediction, and with its problem.
        encoding: encoding of text that is not UTF-8, such as cp1250; null takes Windows-1252 where it clearly is.
        sheet: sheet of an Excel workbook; null is the first one.
        compute: device, backend, precision and batch size.
    """
    with reader_may_leave():
        count = predict_file(
            model,
            file,
            output=output,
            text_column=text_column,
            file_format=format,
            keep_columns=keep_columns,
            on_error=on_error,
            settings=FileSettings(encoding, sheet),
            compute=compute,
            options=given_options(
                generation,
                top_k=top_k,
                windows=windows,
                descriptions=descriptions,
                transductive=transductive or None,
                length_unit=length_unit,
                length=length,
            ),
        )
        if not count:
            name = "Standard input" if file == STANDARD_INPUT else file
            print(f"{name} holds no texts; nothing was predicted.", file=sys.stderr)


def given_options(generation: Mapping[str, Any] | None, **options: Any) -> dict[str, Any]:
    """Return the options of a predictor that a command line gives.

    Example:
        >>> given_options({"num_beams": 1}, top_k=None, length=3)
        {'length': 3, 'num_beams': 1}
    """
    return {name: value for name, value in options.items() if value is not None} | dict(generation or {})


def option_name(name: str) -> str:
    """Return the option of the command line that gives an option of a predictor.

    Example:
        >>> option_name("top_k"), option_name("num_beams")
        ('--top_k', '--generation num_beams')
    """
    own = name in ("top_k", "windows", "descriptions", "transductive", "length_unit", "length", "bertscore_model")
    return f"--{name}" if own else f"--generation {name}"


def predict_file(
    model: str,
    file: str = STANDARD_INPUT,
    *,
    output: str | None = None,
    text_column: str | None = None,
    file_format: str = "auto",
    keep_columns: bool = False,
    on_error: str = "stop",
    settings: FileSettings | None = None,
    compute: Compute | None = None,
    options: Mapping[str, Any] | None = None,
) -> int:
    """Predict every row of a file and write them in the order of the input; return the number of rows.

    Args are those of `predict`; `options` are of the model's predictor, by name, such as `top_k` of a classifier.

    Raises:
        ConfigError: an option is unknown or out of range, or the output cannot be written.
        DataError: a row cannot be read: with `output` before anything is predicted, else after the rows before it.
        CheckpointError: the model cannot be loaded.
    """
    from nlp_transfer.tasks import saved_folder, saved_models

    compute = compute or Compute()
    if settings and settings.encoding and (problem := encoding_problem(settings.encoding)):
        raise ConfigError(f"--encoding: {problem}")
    if output is not None:
        _check_output(Path(output))
    saved = saved_models.find(model, compute)
    predictor_class = saved_models.predictor_class(saved)
    predictor_class.check_options(options or {}, option_name)
    columns = saved_folder.run_columns(saved.folder)
    rows = InputReader(
        file,
        text_column=text_column,
        file_format=file_format,
        kind=predictor_class.kind,
        columns=columns,
        settings=settings,
    )
    _check_rows(rows, keep_columns=keep_columns, skips=on_error == "skip", writes_file=output is not None)
    predictor = saved_models.load_found(saved, compute)
    return _write(predictor.configured(options or {}), rows, output, compute.max_tokens)


def _check_rows(rows: InputReader, *, keep_columns: bool, skips: bool, writes_file: bool) -> None:
    """Set what is skipped and kept, and check the rows where they can be read again before they are predicted."""
    rows.skip = skips
    rows.skip_advice = " Or mark such rows and go on: --on_error skip."
    if keep_columns and not rows.is_read_again:
        raise ConfigError(f"--keep_columns reads the input twice, and {rows.path} can be read once. Name a file.")
    if writes_file or keep_columns:
        rows.check()  # rather than after the hours that the rows before a bad one take
    if keep_columns:
        rows.keep = [name for name in rows.available if name != "id"]


def _write(predictor: "Predictor", rows: InputReader, output: str | None, max_tokens: int | None) -> int:
    """Predict rows and write them to a file or standard output; return their number."""
    from nlp_transfer.commands.prediction_files import column_types, open_writer
    from nlp_transfer.tasks.predictor import NoPrediction, progress

    names = {name.partition(".")[0]: None for name in predictor.columns()}
    if taken := [name for name in rows.keep if name in [*names, *predictor.columns(), "problem"]]:
        raise ConfigError(f"--keep_columns: {rows.path} has a column {taken[0]!r}, and so have predictions. Rename it.")
    kept = {"id": pa.string(), **dict.fromkeys(rows.keep, pa.string())}
    if output is not None and data_suffix(Path(output)) == ".parquet" and rows.is_read_again:
        kept |= {"id": pa.int64()} | column_types(rows.split, kept)
    columns = {**kept, **predictor.columns(), **({"problem": pa.string()} if rows.skip or predictor.skips else {})}
    count, problems = 0, Counter[str]()
    try:
        with open_writer(output, columns) as write:
            for prediction in progress(predictor.predictions(rows, max_tokens), shown=output is not None):
                row = prediction.row()
                if isinstance(prediction, NoPrediction):
                    problems[prediction.problem] += 1
                    row = {**names, **row}
                write({"id": row["id"], **(rows.kept.popleft() if rows.keep else {}), **row})
                count += 1
    except BrokenPipeError:  # not a fault: the reader has seen enough
        raise
    except OSError as error:
        where = "Standard output" if output is None else f"--output {output}"
        if output is None:
            discard_output()
        raise ConfigError(f"{where} cannot be written: {error.strerror or error}.") from error
    if problems:
        listed = ", ".join(f"{problem} ({number:,})" for problem, number in problems.most_common(_MAX_LISTED_PROBLEMS))
        listed += ", …" if len(problems) > _MAX_LISTED_PROBLEMS else ""
        log.warning(f"{problems.total():,} of {count:,} rows have no prediction, and are marked so: {listed}.")
    return count


def _check_output(output: Path) -> None:
    """Check that a file can be written; raise ConfigError."""
    from nlp_transfer.commands.prediction_files import check_suffix

    check_suffix(str(output))
    try:
        if output.is_dir():
            raise ConfigError(f"--output {output} is a folder; expected a file to write.")
        if output.exists() and not output.is_file():  # the finished file would take the place of /dev/null
            raise ConfigError(
                f"--output {output} is a device or pipe, no file; leave --output out and redirect with >."
            )
        if output.exists():
            raise ConfigError(f"--output {output} is there already, and is not overwritten; name another file.")
        if not output.parent.is_dir():
            raise ConfigError(f"--output {output}: there is no folder {output.parent}; make it first.")
    except OSError as error:
        raise ConfigError(f"--output {output} cannot be written: {error.strerror or error}. Name another.") from error
