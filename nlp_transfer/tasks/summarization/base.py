"""Share what extractive and abstractive summarization have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.data.validation.row_kinds import DOCUMENTS
from nlp_transfer.errors import DataError
from nlp_transfer.metrics.metric import SummaryRows
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores, FittedTask, Lines, Predictions, Task
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.summarization.baselines import ORACLE, SUMMARY_BASELINES, baseline_scores, document_metrics
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.selection import Selection
from nlp_transfer.tasks.summarization.summaries import SUMMARY_ROW_KEYS, DocumentSummary
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.metrics.row_scores import RowScores


EXTRACTIVE_WORDING = Wording(
    unit="documents",
    legend=(
        "ROUGE is F, of stemmed words, the mean over documents; of sentences, precision, recall and F1 are counted "
        "over all documents together, AP is the documents' mean average precision. All systems have the same budget; "
        "the oracle knows the reference."
    ),
    purpose="It summarises documents like those it learned from.",
    usage="```bash\npython scripts/predict.py {model} documents.jsonl --text_column document\n```",
    hub_usage=(
        "import nlp_transfer, transformers\n\nnlp_transfer.register_pipelines()\n"
        'summarize = transformers.pipeline("summarization", model="{model}")'
    ),
    not_for=(
        "It is not for other kinds of documents or other languages. What it leaves out may matter: it is not for "
        "decisions about people without a person who reads the document."
    ),
    pipeline_tag="summarization",
)

ABSTRACTIVE_WORDING = replace(
    EXTRACTIVE_WORDING,
    legend=(
        "ROUGE is F, of stemmed words, the mean over documents. New pairs are pairs of words that a document does "
        "not have; unsupported are numbers, dates, amounts and citations that it does not have, "
        "as a mean over summaries. The predictions list them, and what each sentence rests on. Baselines "
        "take as many sentences as a training summary has on average; the oracle knows the reference."
    ),
    not_for=(
        "It is not for other kinds of documents or other languages. It may write what the document does not say: it is "
        "not for decisions about people without a person who reads the document."
    ),
)


class Summarization(Task):
    """A task whose corpus has documents with summaries.

    Args:
        bertscore_model: an encoder to score summaries with at the end (BERTScore).
    """

    primary_metric: ClassVar[str] = "rouge1"
    columns: ClassVar[Columns] = Columns(kind=DOCUMENTS)
    baseline_names: ClassVar[tuple[str, ...]] = tuple(SUMMARY_BASELINES)
    scored_rows: ClassVar[tuple[type, ...]] = (SummaryRows,)
    ceiling: ClassVar[str] = ORACLE

    bertscore_model: str | None

    @classmethod
    def row_scores(cls, runs: Sequence[Lines]) -> "RowScores":
        """Return the ROUGE-1 of rows and of runs."""
        from nlp_transfer.metrics.rouge import rouge_scores
        from nlp_transfer.metrics.row_scores import MeanScores

        references = [str(line["reference"]) for line in runs[0]]
        found = [rouge_scores([line["summary"] for line in run], references, ["rouge1"]) for run in runs]
        return MeanScores(np.array([[one["rouge1"] for one in run] for run in found]))

    def check_corpus(self, corpus: Corpus, columns: Sequence[str], use: str) -> None:
        """Check that training and validation documents have one of some columns, and that BERTScore can be computed."""
        lacking = [
            split
            for split in ("train", "validation")
            if split not in corpus.splits or not set(columns) & set(corpus.splits[split].column_names)
        ]
        if lacking:
            raise DataError(
                f"{corpus.origin}: the {' and '.join(lacking)} documents have no column "
                f"{' or '.join(map(repr, columns))}, {use}. Name it with source.columns: {{theirs: {columns[0]}}}."
            )
        bertscore_folder(self.bertscore_model)


class FittedSummarization(FittedTask):
    """A summarization task that has read its corpus.

    Attributes:
        selection: selects the sentences of the baselines.
    """

    config: Summarization
    row_keys = SUMMARY_ROW_KEYS

    @property
    @abstractmethod
    def selection(self) -> Selection:
        """The rule by which baselines select sentences."""

    @abstractmethod
    def documents(self, outputs: np.ndarray, rows: "Dataset") -> Sequence[DocumentSummary]:
        """Return the documents in order, with the summaries that follow from the outputs for their encoded windows."""

    @property
    def cut_at(self) -> int | None:
        """None: documents are split into windows, which the tokenizer must not truncate."""
        return None

    @property
    def bertscore(self) -> Path | None:
        """The folder of the encoder for BERTScore; None without one."""
        return bertscore_folder(self.config.bertscore_model)

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the metrics of the documents; the references are whole summaries, not `labels`."""
        if rows is None:
            raise ValueError("Summaries are scored by their documents: give the encoded rows.")
        bertscore = self.bertscore if interval else None
        return document_metrics(self.documents(logits, rows), interval=interval, bertscore=bertscore)

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield a line for each document."""
        return (document.row() for document in self.documents(predictions.logits, encoded))

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the section with the figures of length and place."""
        from nlp_transfer.tasks.summarization.sections import summary_sections

        return summary_sections(self.documents_by_split(predictions, encoded))

    def documents_by_split(
        self, predictions: DomainPredictions, encoded: "Mapping[str, Mapping[str, Dataset]]"
    ) -> dict[str, Sequence[DocumentSummary]]:
        """Return the documents of each domain and split by its name."""
        return {
            f"{domain} {split}": self.documents(one.logits, encoded[domain][split])
            for domain, splits in predictions.items()
            for split, one in splits.items()
        }

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score baselines on the documents of each split."""
        results: dict[str, DomainScores] = {name: {} for name in names}
        for domain, splits in predictions.items():
            for split, one in splits.items():
                if one.metrics:
                    documents = self.documents(one.logits, encoded[domain][split])
                    for name, scores in baseline_scores(names, documents, self.selection, self.bertscore).items():
                        results[name].setdefault(domain, {})[split] = scores
        return results
