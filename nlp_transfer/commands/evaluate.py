"""Score a saved model on a corpus that it did not learn from: the tables of a run, for any texts with references."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.commands.predict import given_options, option_name
from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.errors import DataError, NLPTransferError, did_you_mean
from nlp_transfer.files import check_empty_folder
from nlp_transfer.tasks.backends import Compute

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.reporting.evaluation_report import Evaluation


_NOT_HERE = (
    "The corpora that the model learned from were not found by its run: copies of its training texts, and mentions "
    "that it has not seen, are not known."
)


def evaluate(
    model: str,
    corpus: CorpusConfig,
    *,
    split: str | None = None,
    output_dir: str | None = None,
    descriptions: dict[str, str] | None = None,
    transductive: bool = False,
    bertscore_model: str | None = None,
    length_unit: str | None = None,
    length: float | None = None,
    generation: dict[str, Any] | None = None,
    compute: Compute | None = None,
) -> None:
    """Score a saved model on a corpus whose labels are the model's, or on documents with summaries.

        nlp-transfer evaluate runs/quickstart --corpus.builtin licenses --corpus.split.method near_duplicate
        nlp-transfer evaluate runs/books --corpus.path data/kitchen --corpus.columns.stars label --split validation
        nlp-transfer evaluate runs/ledgar --corpus.hub coastalcph/lex_glue --corpus.name ledgar

    Prints the tables that a run closes with, and how many of the texts were among the run's training texts, where its
    corpora can be read again. With `output_dir` it writes predictions.jsonl.gz and a report as a run's:
    report.html, report.md, report.json and metrics.json.

    Args:
        model: a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit).
        corpus: where the texts come from. Columns and label_separator are the run's, where it names no others.
        split: the split to score; null is test, or the only one.
        output_dir: a new folder for scores, predictions and a report.
        descriptions: CLASS=TEXT for each class of the corpus, by which a model of natural language inference predicts.
        transductive: of a classifier of texts, correct predictions by the words of all texts of the split, 500 or more.
        bertscore_model: of a model that summarises, an encoder for BERTScore, too.
        length_unit: of a model that selects sentences, sentences, words, characters, or share; null is as trained.
        length: how many of them a summary may have.
        generation: of a model that writes, NAME=VALUE settings of GenerationConfig, such as num_beams=1.
        compute: device, backend, precision and batch size.
    """
    from nlp_transfer.reporting.tables import console

    result = evaluate_model(
        model,
        corpus,
        split=split,
        output_dir=output_dir,
        compute=compute,
        options=given_options(
            generation,
            descriptions=descriptions,
            transductive=transductive or None,
            length_unit=length_unit,
            length=length,
            bertscore_model=bertscore_model,
        ),
    )
    console().print(result.summary())


def evaluate_model(
    model: str,
    corpus: CorpusConfig,
    *,
    split: str | None = None,
    output_dir: str | None = None,
    compute: Compute | None = None,
    options: Mapping[str, Any] | None = None,
) -> "Evaluation":
    """Score a saved model on one split of a corpus; `options` are of its predictor, by name.

    Raises:
        ConfigError: an option is unknown or out of range.
        DataError: the corpus cannot be read, has no such split, or does not fit the model.
        CheckpointError: the model cannot be loaded, or `output_dir` holds something already.
    """
    from nlp_transfer.reporting.evaluation_report import DOMAIN, Evaluation
    from nlp_transfer.reporting.report import CorpusFacts
    from nlp_transfer.tasks import saved_models

    compute, options = compute or Compute(), dict(options or {})
    folder = None if output_dir is None else check_empty_folder(output_dir, "--output_dir")
    saved = saved_models.find(model, compute)
    saved_models.predictor_class(saved).check_options(options, option_name)
    learned_from = _run_corpora(saved.folder)
    predictor = saved_models.load_found(saved, compute).configured(options).with_training(learned_from)
    loaded = predictor.load_corpus(corpus)
    name = _choose_split(loaded, split, predictor.references, predictor.references_noun)
    scored = predictor.evaluate(loaded.splits[name], max_tokens=compute.max_tokens)
    facts = CorpusFacts.of(loaded)
    unknown = () if learned_from else (_NOT_HERE,)
    facts = replace(facts, notes=(*facts.notes, *unknown, *_training_notes(learned_from, name, loaded.splits[name])))
    about = (predictor.origin, predictor.task, facts, name)
    result = Evaluation(*about, scored.metrics, scored.baselines, options, more=scored.sections)
    if folder is None:
        return result
    return result.write(folder, ({**row, "split": name, "domain": DOMAIN} for row in scored.rows), scored.keys)


def _run_corpora(model: Path) -> "Mapping[str, Corpus]":
    """Return the corpora of a model's run by domain; none where it or its corpora are not there any more."""
    from nlp_transfer.commands.finished_runs import read_run
    from nlp_transfer.commands.training_texts import corpora_of

    try:
        return corpora_of(read_run(model.parent))
    except NLPTransferError:
        return {}


def _training_notes(corpora: "Mapping[str, Corpus]", name: str, split: "Dataset") -> list[str]:
    """Return notes on how many texts the run learned from, or fitted its decision on."""
    from nlp_transfer.data.corpus import calibration_split
    from nlp_transfer.data.splits.exact_duplicates import copy_mask, copy_notes, hash_texts

    notes, rows = [], {name: split}
    for domain, corpus in corpora.items():
        if "train" in corpus.splits:
            notes += copy_notes(corpus.splits["train"], rows, f"the run's {domain} training {{noun}}s")
        fitted = corpus.splits.get(calibration_split(corpus.splits))
        if domain.startswith("source") and fitted is not None and copy_mask(hash_texts(fitted)[0], split).any():
            notes += copy_notes(fitted, rows, "the {noun}s that the decision was fitted on, which do not test it")
    return notes


def _choose_split(corpus: "Corpus", asked: str | None, columns: Sequence[str], noun: str) -> str:
    """Return the split to score: the given one, the test split, or the only one with a column of references."""
    labelled = [name for name, split in corpus.splits.items() if set(columns) & set(split.column_names)]
    if not labelled:
        raise DataError(
            f"{corpus.origin} has no {noun} to score by. scripts/predict.py needs none; or name their column with "
            "--corpus.columns.THEIRS OURS."
        )
    if asked is None and "test" not in labelled and len(labelled) > 1:
        raise DataError(
            f"{corpus.origin} has no test split, and several others: {', '.join(labelled)}. Choose one with --split."
        )
    if asked is None:
        return "test" if "test" in labelled else labelled[0]
    if asked not in corpus.splits:
        raise DataError(f"--split: {did_you_mean('split', asked, labelled)} They are those of {corpus.origin}.")
    if asked not in labelled:
        raise DataError(
            f"--split: the split {asked!r} of {corpus.origin} has no {noun} to score by. With {noun}: "
            f"{', '.join(labelled)}. scripts/predict.py needs none."
        )
    return asked
