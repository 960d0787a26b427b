"""Predict texts as they come, in constant memory, in their order.

A window of rows is read, sorted by length, cut into batches of about as many tokens, predicted, and handed on in the
order of the input; then comes the next. Computation is in float32, whatever the run trained in.
"""

import gzip
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.token_coverage import TokenCoverage, count_coverage
from nlp_transfer.data.encoding.tokens import untruncated_lengths
from nlp_transfer.data.input_texts import STANDARD_INPUT, InputReader, row_windows
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.files import atomic_file, json_line
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import PYTORCH, load_classifier_on, load_summarizer_on, uses_onnx
from nlp_transfer.tasks.summarization.abstractive_predictor import WrittenSummary, write_summaries
from nlp_transfer.tasks.summarization.extractive_predictor import Summary, summarize
from nlp_transfer.tasks.summarization.generation_options import SummarySettings
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer

if TYPE_CHECKING:
    from transformers import BatchEncoding

logger = logging.getLogger(__name__)

MAX_TOKENS = 8192
"""Tokens of a batch, padding counted; a few hundred MiB of activations for a base-sized encoder."""

CPU_MAX_TOKENS = 2048
"""The same on a CPU: more leave its caches between one operation and the next."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one text.

    Args:
        id: the row's id.
        predicted: the class's name; for multi-label the names of all labels whose probability reaches their threshold.
        probabilities: by class name, in the order of the classes.
    """

    id: Any
    predicted: str | list[str]
    probabilities: dict[str, float]

    def line(self, top_k: int | None = None) -> bytes:
        """One line of JSON; `top_k` keeps the most probable classes only, the most probable first."""
        shown = list(self.probabilities.items())
        if top_k is not None:
            shown = sorted(shown, key=lambda item: -item[1])[:top_k]
        row = {"id": self.id, "predicted": self.predicted, "probabilities": {name: round(p, 6) for name, p in shown}}
        return json_line(row)


def predict_file(
    model: str,
    file: str = STANDARD_INPUT,
    *,
    output: str | None = None,
    text_column: str | None = None,
    file_format: str = "auto",
    max_tokens: int | None = None,
    device: str = "auto",
    top_k: int | None = None,
    length_unit: str | None = None,
    length: float | None = None,
    generation: Mapping[str, Any] | None = None,
    backend: str = PYTORCH,
    precision: str | None = None,
) -> int:
    """Predict every row of a file and write JSON Lines; see the fields of `Prediction`, and of `Summary`.

    Args:
        model: a run's output folder, a model folder, or a Hub id; of a classifier or a summariser.
        file: a file or folder that `InputReader` reads, or `-` for standard input.
        output: the file to write, which appears when all rows are predicted, gzipped if its name ends in `.gz`; None
            writes to standard output as rows are predicted.
        text_column: the column that holds the text; None is `text`, or `document` for a summariser.
        file_format: one of `TEXT_FORMATS`; for a summariser, `auto` takes plain text as one document.
        max_tokens: see `predict`.
        device: see `choose_device`.
        top_k: how many probabilities a line shows; None shows all. A summariser has none.
        length_unit: of a summariser, what a summary's size is counted in; None is as in its run.
        length: its size.
        generation: of a summariser that writes, settings of `GenerationConfig` such as `num_beams`; the others are as
            in its run.
        backend: one of `BACKENDS`; `onnx` takes a model that scripts/export.py wrote.
        precision: of an exported model, `float32` or `int8`; None is the first of them that there is.

    Returns:
        How many rows were written.

    Raises:
        ConfigError: an option is out of range, or the output cannot be written; before the model is loaded.
        DataError: there is no such file, or a row cannot be read. With `output`, before the model is loaded; the lines
            of the rows before it are written to standard output first.
        CheckpointError: the model cannot be loaded.
    """
    problems = [
        f"--{name} is {value}; expected at least 1."
        for name, value in (("max_tokens", max_tokens), ("top_k", top_k))
        if value is not None and value < 1
    ]
    if problems:
        raise ConfigError(problems)
    uses_onnx(device, backend, precision)
    summarizes = saved_models.is_summarizer(model)
    if summarizes and top_k is not None:
        raise ConfigError("--top_k shows probabilities of classes, and this model summarises. Leave it out.")
    settings = SummarySettings(length_unit, length, generation or {})
    if not summarizes:
        settings.refuse()
    texts = InputReader(
        file,
        text_column=text_column or ("document" if summarizes else "text"),
        file_format=file_format,
        plain_text_format="document" if summarizes else "text",
    )
    if output is not None:
        _check_output(Path(output), texts.path)
        texts.check()  # rather than after the hours that the rows before a bad one take
    lines: Iterator[bytes]
    if summarizes:
        summarizer = load_summarizer_on(model, device, backend=backend, precision=precision)
        summaries = _summaries(settings.applied_to(summarizer), texts, max_tokens)
        lines = (summary.line() for summary in with_progress(summaries, shown=output is not None))
    else:
        classifier = load_classifier_on(model, device, backend=backend, precision=precision)
        predictions = predict(classifier, texts, max_tokens=max_tokens)
        lines = (prediction.line(top_k) for prediction in with_progress(predictions, shown=output is not None))
    return _written(lines, output)


def _summaries(
    summarizer: TrainedSummarizer | TrainedAbstractiveSummarizer,
    texts: InputReader,
    max_tokens: int | None,
) -> Iterator[Summary | WrittenSummary]:
    """What a summariser of either kind makes of documents."""
    coverage = TokenCoverage()
    rows = count_coverage(texts, summarizer.tokenizer, coverage)
    if isinstance(summarizer, TrainedSummarizer):
        yield from summarize(summarizer, rows, max_tokens=max_tokens)
    else:
        yield from write_summaries(summarizer, rows, max_tokens=max_tokens)
    for warning in coverage.warnings():
        logger.warning(warning)


def predict(
    classifier: TrainedClassifier, rows: Iterable[tuple[Any, str]], *, max_tokens: int | None = None
) -> Iterator[Prediction]:
    """Predict rows in their order.

    Args:
        classifier: on the device that it shall run on.
        rows: (id, text); read a window at a time.
        max_tokens: tokens of a batch, padding counted; None is `CPU_MAX_TOKENS` or `MAX_TOKENS`.

    Raises:
        DataError: what `rows` raises, once the rows before it are predicted.
        CheckpointError: the model's outputs are not finite.
    """
    names, tokenizer, coverage = classifier.label_names, classifier.tokenizer, TokenCoverage()
    for window in row_windows(rows):
        texts = [text for _, text in window]
        encoded = _encoded(classifier, texts)
        coverage.add(tokenizer, window, encoded["input_ids"], untruncated_lengths(tokenizer, texts, encoded))
        probabilities = classifier.probabilities(token_logits(classifier, encoded["input_ids"], max_tokens=max_tokens))
        chosen = classifier.predictions(probabilities)
        for (row_id, _), row, choice in zip(window, probabilities.tolist(), chosen, strict=True):
            yield Prediction(row_id, label_names_of(classifier, choice), dict(zip(names, row, strict=True)))
    for warning in coverage.warnings():
        logger.warning(warning)


def label_names_of(classifier: TrainedClassifier, choice: Any) -> str | list[str]:
    """The class's name of an id; for multi-label the labels' names of a row of zeros and ones, shape (classes,)."""
    names = classifier.label_names
    return [names[i] for i in np.flatnonzero(choice)] if classifier.multi_label else names[int(choice)]


def text_logits(classifier: TrainedClassifier, texts: Sequence[str], *, max_tokens: int | None = None) -> np.ndarray:
    """Logits of some texts, in memory together; float32, shape (texts, classes).

    Raises:
        CheckpointError: the model's outputs are not finite.
    """
    return token_logits(classifier, _encoded(classifier, texts)["input_ids"], max_tokens=max_tokens)


def _encoded(classifier: TrainedClassifier, texts: Sequence[str]) -> "BatchEncoding":
    """Encode texts as `encode_texts` does in training: without token types, which are all 0."""
    return classifier.tokenizer(
        list(texts), truncation=True, max_length=classifier.max_length, return_token_type_ids=False
    )


def token_logits(
    classifier: TrainedClassifier, ids: Sequence[list[int]], *, max_tokens: int | None = None
) -> np.ndarray:
    """As `text_logits`, of texts that are token ids already."""
    collate, network = PaddingCollator(classifier.tokenizer), classifier.model
    if max_tokens is None:
        max_tokens = CPU_MAX_TOKENS if network.device.type == "cpu" else MAX_TOKENS
    logits = np.zeros((len(ids), len(classifier.label_names)), dtype=np.float32)
    with batch_logits(network, len(ids)) as logits_of:
        for batch in token_budget_batches([len(row) for row in ids], max_tokens):
            logits[batch] = logits_of(collate([{"input_ids": ids[index]} for index in batch]))
    if not np.isfinite(logits).all():
        raise CheckpointError(
            f"{classifier.origin} gives outputs that are not finite (NaN or infinite): its weights are ruined. Use "
            "another checkpoint, or train again."
        )
    return logits


PROGRESS_SECONDS = 0.5
"""Between two looks of the progress line."""


def with_progress(items: Iterable[Any], *, shown: bool, stream: TextIO | None = None) -> Iterator[Any]:
    """Hand items on; meanwhile count them on standard error, where that is a terminal.

    Args:
        items: any.
        shown: whether to count although standard output is a terminal, too, where the line could disturb what it shows.
        stream: standard error, unless another is given.
    """
    stream = stream or sys.stderr
    if not stream.isatty() or (sys.stdout.isatty() and not shown):
        yield from items
        return
    started = last = time.perf_counter()
    count = 0
    try:
        for count, item in enumerate(items, 1):
            yield item
            now = time.perf_counter()
            if now - last >= PROGRESS_SECONDS:
                print(f"\r{count:,} texts, {count / (now - started):,.0f} texts/s ", end="", file=stream, flush=True)
                last = now
    finally:
        rate = count / max(time.perf_counter() - started, 1e-9)
        print(f"\r{count:,} texts, {rate:,.0f} texts/s ", file=stream, flush=True)


def _written(lines: Iterable[bytes], output: str | None) -> int:
    """Write lines to a file, which appears when all are there, or to standard output; how many they are."""
    try:
        if output is None:
            return _write(lines, sys.stdout.buffer)
        with atomic_file(output) as out:
            if not output.endswith(".gz"):
                return _write(lines, out)
            with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as zipped:
                return _write(lines, zipped)
    except BrokenPipeError:  # not a fault: the reader has seen enough
        raise
    except OSError as error:
        where = f"--output {output}"
        if output is None:
            where = "Standard output"
            # What is left in its buffer would fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ConfigError(f"{where} cannot be written: {error.strerror or error}.") from error


def _write(lines: Iterable[bytes], file: BinaryIO | gzip.GzipFile) -> int:
    """Write lines; a reader at the other end of a pipe sees each at once."""
    count = 0
    for line in lines:
        file.write(line)
        if file is sys.stdout.buffer:
            file.flush()
        count += 1
    return count


def _check_output(output: Path, source: Path) -> None:
    """Complain about an output that could only fail once everything is predicted."""
    try:
        if output.is_dir():
            raise ConfigError(f"--output {output} is a folder; expected a file to write.")
        if output.exists() and not output.is_file():  # the finished file would take the place of /dev/null
            raise ConfigError(
                f"--output {output} is a device or pipe, no file; leave --output out and redirect with >."
            )
        if not output.parent.is_dir():
            raise ConfigError(f"--output {output}: there is no folder {output.parent}; make it first.")
        if isinstance(source, Path) and output.exists() and output.samefile(source):
            raise ConfigError(f"--output {output} is the file of the texts, which would be lost; name another.")
    except OSError as error:
        raise ConfigError(f"--output {output} cannot be written: {error.strerror or error}. Name another.") from error
