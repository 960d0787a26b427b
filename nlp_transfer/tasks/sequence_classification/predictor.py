"""Classify texts in their order: each by itself, all together by their words too, or by descriptions of classes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.text_rows import BadText, row_windows
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from nlp_transfer.tasks.blocks import Section, Text
from nlp_transfer.tasks.classification.baselines import chance
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.text_predictor import TextClassificationPredictor
from nlp_transfer.tasks.predictor import Evaluated, NoPrediction, progress
from nlp_transfer.tasks.sequence_classification import NAME
from nlp_transfer.tasks.sequence_classification.nli import (
    descriptions_problem,
    entailment_scores,
    inference_pipeline,
    inference_problem,
)
from nlp_transfer.tasks.sequence_classification.transduction import MIN_TEXTS, transductive_logits
from nlp_transfer.tasks.sequence_classification.transduction_section import HOW, TITLE

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus, CorpusConfig

INDUCTIVE = "inductive"
"""The name of the model without correction by words."""


@dataclass(frozen=True)
class TextPredictor(TextClassificationPredictor):
    """A trained classifier of texts.

    Args:
        transductive: correct the predictions for a set of texts by their words, which takes all of them in memory.
        hypotheses: of the classes in their order, for a model of natural language inference.
    """

    task: ClassVar[str] = NAME

    transductive: bool = False
    hypotheses: tuple[str, ...] = ()

    def with_options(
        self,
        *,
        top_k: int | None = None,
        windows: int | None = None,
        descriptions: Mapping[str, str] | None = None,
        transductive: bool = False,
    ) -> Self:
        """Return the classifier with `top_k` probabilities, and `windows` that decided, for each prediction.

        Args:
            top_k: number of probabilities.
            windows: number of windows that decided.
            descriptions: texts by class: a model of natural language inference predicts the class whose description a
                text entails most (zero-shot).
            transductive: read all texts, of which there must be 500 or more, and correct their predictions by their
                words before the first is returned.

        Raises:
            ConfigError: a number is less than 1; the model does not read in windows or has no character offsets, or is
                no model of inference; or `transductive` or `descriptions` are given with `windows`, or `transductive`
                for a model of several labels a text or with promises.
        """
        made = super().with_options(top_k=top_k, windows=windows)
        if windows is not None and (transductive or descriptions is not None):
            raise ConfigError("--windows names what decided in the network alone. Leave it out, or the other option.")
        if descriptions is not None:
            made = made._with_descriptions(descriptions)
        if transductive and (problem := made._no_transduction()):
            raise ConfigError(f"--transductive: {problem} Leave it out.")
        return replace(made, transductive=transductive)

    def _with_descriptions(self, descriptions: Mapping[str, str]) -> Self:
        """Return the classifier by descriptions; the longest leaves its texts the least room."""
        if isinstance(self.model, OnnxNetwork):
            raise ConfigError(f"--descriptions: {self.origin} is an exported network. Leave --backend out.")
        if problem := descriptions_problem(descriptions):
            raise ConfigError(f"--descriptions: {problem}")
        texts = tuple(descriptions.values())
        if problem := inference_problem(self.label_names, self.tokenizer, self.max_length, texts):
            raise ConfigError(f"--descriptions: {self.origin} {problem}")
        longest = max(len(self.tokenizer("", text)["input_ids"]) for text in texts)
        room = self.max_length - longest + self.tokenizer.num_special_tokens_to_add()
        decision = Decision.plain(list(descriptions), multi_label=False)
        reading = replace(self.reading, max_length=room)
        return replace(self, decision=decision, hypotheses=texts, reading=reading)

    def _no_transduction(self) -> str | None:
        """Return why predictions cannot be corrected by words, if so."""
        if self.multi_label:
            return f"{self.origin} gives a text any number of labels, and words correct one label a text."
        if self.decision.promises:
            return f"{self.origin} promises a precision or a coverage, which hold for its own probabilities alone."
        return None

    def encode(self, rows: Sequence[tuple[Any, Any]], coverage: TokenCoverage) -> dict[str, list[Any]]:
        """Return the columns of encoded (id, text) rows, with the texts for a model of inference."""
        encoded = super().encode(rows, coverage)
        return {**encoded, "text": [text for _, text in rows]} if self.hypotheses else encoded

    def row_logits(self, rows: "Dataset | Mapping[str, Sequence[Any]]", *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of encoded rows, of a model of inference those of entailment."""
        if not self.hypotheses:
            return super().row_logits(rows, max_tokens=max_tokens)
        pipeline = inference_pipeline(self.model, self.tokenizer, self.max_length)
        options = {"hypothesis_template": "{}", "batch_size": max(1, self.batch_tokens(max_tokens) // self.max_length)}
        scores = entailment_scores(pipeline, rows["text"], self.hypotheses, **options)
        return np.log(np.maximum(scores, np.finfo(np.float32).tiny))

    def predictions(self, rows: Iterable[tuple[Any, Any]], max_tokens: int | None = None) -> Iterator[Any]:
        """Yield the prediction of each (id, text), a `NoPrediction` for a `BadText`; warn of texts not read in full."""
        if not self.transductive:
            yield from super().predictions(rows, max_tokens)
            return
        rows, coverage = list(rows), self.coverage()
        good = [(row_id, text) for row_id, text in rows if not isinstance(text, BadText)]
        _check_number(len(good))
        parts = [np.zeros((0, len(self.label_names)))]
        for window in row_windows(progress(good)):
            parts.append(self.row_logits(self.encode(window, coverage), max_tokens=max_tokens))
        coverage.log_warnings()
        logits = self.corrected((text for _, text in good), np.concatenate(parts))
        predicted = self.described([row_id for row_id, _ in good], logits)
        for row_id, text in rows:
            yield NoPrediction(row_id, text.problem) if isinstance(text, BadText) else next(predicted)

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split; of `transductive` predictions, say how they are made."""
        if not self.transductive:
            return super().evaluate(dataset, max_tokens=max_tokens)
        _check_number(len(dataset))
        made = super().evaluate(dataset, max_tokens=max_tokens)
        how = f"{HOW} `{INDUCTIVE}` is the model without it."
        return replace(made, sections=(Section(TITLE, (Text(how),)), *made.sections))

    def others(self, dataset: "Dataset", logits: np.ndarray) -> dict[str, np.ndarray]:
        """Return the choices by the network alone if `transductive`, and those of chance for descriptions."""
        found = {INDUCTIVE: self.decision.choose(self.decision.probabilities(logits))} if self.transductive else {}
        if self.hypotheses:
            found[chance.__name__] = chance(self.hypotheses, np.arange(len(self.hypotheses)))(dataset["text"])
        return found

    def load_corpus(self, config: "CorpusConfig") -> "Corpus":
        """Load a corpus with the labels of the model, or of the descriptions."""
        try:
            return super().load_corpus(config)
        except DataError as error:
            if not self.hypotheses:
                raise
            classes = ", ".join(self.label_names)
            raise DataError(
                [*error.problems, f"--descriptions has the classes {classes}; describe all others."]
            ) from error

    def corrected(self, texts: Iterable[Any], logits: np.ndarray) -> np.ndarray:
        """Return the logits of texts, if `transductive` corrected by their words."""
        return transductive_logits(list(texts), logits) if self.transductive else logits


def _check_number(texts: int) -> None:
    """Raise DataError for fewer texts than `transductive` needs."""
    if texts < MIN_TEXTS:
        raise DataError(
            f"--transductive needs {MIN_TEXTS} texts, and there are {texts:,}. Leave it out, or give more texts of the "
            "same kind."
        )
