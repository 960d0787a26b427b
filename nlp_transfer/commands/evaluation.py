"""Score a saved model on a corpus that it did not learn from: the tables of a run, for any texts with its labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.data import Corpus, CorpusConfig, load_corpus
from nlp_transfer.data.encoding.tokens import multi_hot
from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.files import check_empty_folder
from nlp_transfer.metrics.classification import classification_metrics
from nlp_transfer.reporting.evaluation_report import DOMAIN, Evaluation
from nlp_transfer.reporting.report import CorpusFacts
from nlp_transfer.tasks import AbstractiveSummarization, ExtractiveSummarization, SequenceClassification, saved_models
from nlp_transfer.tasks.backends import PYTORCH, load_classifier_on, load_summarizer_on, uses_onnx
from nlp_transfer.tasks.sequence_classification.predictor import label_names_of, predict, with_progress
from nlp_transfer.tasks.summarization.abstractive_predictor import write_documents
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES
from nlp_transfer.tasks.summarization.baselines import SUMMARY_ROW_KEYS as SUMMARY_KEYS
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.extracted_summaries import document_metrics
from nlp_transfer.tasks.summarization.extractive_predictor import score_documents
from nlp_transfer.tasks.summarization.generated_summaries import document_metrics as written_metrics
from nlp_transfer.tasks.summarization.generation_options import SummarySettings
from nlp_transfer.tasks.summarization.sections import baseline_scores, summary_row, written_baseline_scores, written_row
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer


def evaluate(
    model: str,
    corpus: CorpusConfig,
    *,
    split: str | None = None,
    output_dir: str | None = None,
    max_tokens: int | None = None,
    device: str = "auto",
    length_unit: str | None = None,
    length: float | None = None,
    generation: Mapping[str, Any] | None = None,
    bertscore_model: str | None = None,
    backend: str = PYTORCH,
    precision: str | None = None,
) -> Evaluation:
    """Score a saved model on one split of a corpus.

    Args:
        model: a run's output folder, a model folder, or a Hub id.
        corpus: where the texts come from; their labels must be the model's. For a summariser, documents with summaries
            or highlights.
        split: the split to score; None takes `test`, or the only one.
        output_dir: where `metrics.json`, `predictions.jsonl.gz` and `report.md` go; None writes nothing.
        max_tokens: see `predict`.
        device: see `choose_device`.
        length_unit: see `predict_file`.
        length: see `predict_file`.
        generation: see `predict_file`.
        bertscore_model: of a summariser, an encoder for BERTScore beside ROUGE.
        backend: see `predict_file`.
        precision: see `predict_file`.

    Raises:
        ConfigError: an option is out of range.
        DataError: the corpus cannot be read, has no such split, or has labels that are not the model's.
        CheckpointError: the model cannot be loaded, or `output_dir` holds something already.
    """
    if max_tokens is not None and max_tokens < 1:
        raise ConfigError(f"--max_tokens is {max_tokens}; expected at least 1.")
    uses_onnx(device, backend, precision)
    folder = None if output_dir is None else check_empty_folder(output_dir, "--output_dir")
    settings = SummarySettings(length_unit, length, generation or {})
    if saved_models.is_summarizer(model):
        summarizer = settings.applied_to(load_summarizer_on(model, device, backend=backend, precision=precision))
        bertscore = bertscore_folder(bertscore_model, "--")
        return _evaluate_summaries(summarizer, settings, corpus, split, folder, max_tokens, bertscore)
    settings.refuse()
    if bertscore_model is not None:
        raise ConfigError("--bertscore_model scores summaries, and this model makes none. Leave it out.")
    classifier = load_classifier_on(model, device, backend=backend, precision=precision)
    with _of_kind(f"{classifier.origin} is a classifier: it is scored on texts with labels."):
        loaded = load_corpus(corpus, key="corpus", label_names=classifier.label_names, labeled=True)
    _check_kind(classifier, loaded)
    name = _chosen_split(loaded, split, (str(loaded.label_column),), "labels")
    dataset = loaded.splits[name]
    rows = ((row["id"], row["text"]) for row in dataset.select_columns(["id", "text"]))
    probabilities = np.zeros((len(dataset), len(classifier.label_names)))
    predictions = with_progress(predict(classifier, rows, max_tokens=max_tokens), shown=True)
    for index, prediction in enumerate(predictions):
        probabilities[index] = list(prediction.probabilities.values())
    references = _references(dataset, classifier)
    metrics = classification_metrics(
        classifier.predictions(probabilities),
        references,
        classifier.label_names,
        multi_label=classifier.multi_label,
    )
    result = Evaluation(classifier.origin, SequenceClassification.name, CorpusFacts.of(loaded), name, metrics)
    if folder is None:
        return result
    return result.write(folder, _rows(name, classifier, dataset["id"], references, probabilities))


def _evaluate_summaries(
    summarizer: TrainedSummarizer | TrainedAbstractiveSummarizer,
    settings: SummarySettings,
    corpus: CorpusConfig,
    split: str | None,
    folder: Path | None,
    max_tokens: int | None,
    bertscore: Path | None,
) -> Evaluation:
    """See `evaluate`."""
    extracts = isinstance(summarizer, TrainedSummarizer)
    task = (ExtractiveSummarization if extracts else AbstractiveSummarization).name
    columns = ("summary", "highlights") if extracts else ("summary",)
    what = "summaries or highlights" if extracts else "summaries"
    with _of_kind(f"{summarizer.origin} summarises: it is scored on documents with {what}."):
        loaded = load_corpus(corpus, key="corpus", documents=True, trains=False)
    name = _chosen_split(loaded, split, columns, what)
    metrics, baselines, rows = _scored_summaries(summarizer, loaded.splits[name], name, max_tokens, bertscore)
    result = Evaluation(summarizer.origin, task, CorpusFacts.of(loaded), name, metrics, baselines, settings.given())
    return result if folder is None else result.write(folder, rows, SUMMARY_KEYS)


def _scored_summaries(
    summarizer: TrainedSummarizer | TrainedAbstractiveSummarizer,
    dataset: Dataset,
    split: str,
    max_tokens: int | None,
    bertscore: Path | None,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], Iterable[dict[str, Any]]]:
    """The metrics, those of all baselines, and the lines of the predictions' file."""
    names = list(SUMMARY_BASELINES)
    if isinstance(summarizer, TrainedSummarizer):
        scored = list(with_progress(score_documents(summarizer, dataset, max_tokens=max_tokens), shown=True))
        baselines = baseline_scores(names, scored, summarizer, bertscore)
        rows = ({**summary_row(document), "split": split, "domain": DOMAIN} for document in scored)
        return document_metrics(scored, interval=True, bertscore=bertscore), baselines, rows
    written = list(with_progress(write_documents(summarizer, dataset, max_tokens=max_tokens), shown=True))
    baselines = written_baseline_scores(names, written, summarizer.baseline_sentences, bertscore)
    rows = ({**written_row(document), "split": split, "domain": DOMAIN} for document in written)
    return written_metrics(written, interval=True, bertscore=bertscore), baselines, rows


@contextmanager
def _of_kind(needs: str) -> Iterator[None]:
    """Say what kind of model it is beside what is wrong with a corpus."""
    try:
        yield
    except DataError as error:
        raise DataError([*error.problems, needs]) from error


def _check_kind(classifier: TrainedClassifier, corpus: Corpus) -> None:
    """Complain where one has lists of labels and the other has not."""
    if classifier.multi_label == corpus.multi_label:
        return
    kinds = {True: "any number of labels a text (labels: lists)", False: "one label a text (label)"}
    advice = (
        'Write each label as a list, such as ["a"], in a column named labels.'
        if classifier.multi_label
        else "Give every row one label, in a column named label, or name a multi-label model."
    )
    raise DataError(
        f"{corpus.origin} has {kinds[corpus.multi_label]}, but {classifier.origin} predicts "
        f"{kinds[classifier.multi_label]}. {advice}"
    )


def _chosen_split(corpus: Corpus, asked: str | None, columns: Sequence[str], what: str) -> str:
    """The split to score, with one of the columns; raises DataError where it is not there, not clear, or has none."""
    labelled = [name for name, split in corpus.splits.items() if set(columns) & set(split.column_names)]
    if not labelled:
        raise DataError(
            f"{corpus.origin} has no {what} to score by. scripts/predict.py needs none; or name their column with "
            "--corpus.columns.THEIRS OURS."
        )
    if asked is None:
        if "test" in labelled or len(labelled) == 1:
            return "test" if "test" in labelled else labelled[0]
        raise DataError(
            f"{corpus.origin} has no test split, and several others: {', '.join(labelled)}. Choose one with --split."
        )
    if asked not in corpus.splits:
        raise DataError(f"--split: {did_you_mean('split', asked, labelled)} They are those of {corpus.origin}.")
    if asked not in labelled:
        raise DataError(
            f"--split: the split {asked!r} of {corpus.origin} has no {what} to score by. With {what}: "
            f"{', '.join(labelled)}. scripts/predict.py needs none."
        )
    return asked


def _references(dataset: Dataset, classifier: TrainedClassifier) -> np.ndarray:
    """Class ids, shape (rows,), or zeros and ones, shape (rows, classes)."""
    if not classifier.multi_label:
        return np.asarray(dataset["label"])
    return np.array([multi_hot(row, len(classifier.label_names)) for row in dataset["labels"]], dtype=np.int64)


def _rows(
    split: str, classifier: TrainedClassifier, ids: Iterable[str], references: np.ndarray, probabilities: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Predictions as `write_predictions` takes them."""
    chosen = classifier.predictions(probabilities)
    for row_id, truth, choice, row in zip(ids, references, chosen, probabilities.tolist(), strict=True):
        yield {
            "id": row_id,
            "split": split,
            "domain": DOMAIN,
            "label": label_names_of(classifier, truth),
            "predicted": label_names_of(classifier, choice),
            "probabilities": dict(zip(classifier.label_names, row, strict=True)),
        }
