"""Classify texts of any length, in bounded memory and in order; or all together by their words too, or zero-shot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.text_rows import BadText, row_windows
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.text_predictor import TextClassificationPredictor
from nlp_transfer.tasks.predictor import Evaluated, NoPrediction, progress
from nlp_transfer.tasks.sequence_classification import NAME
from nlp_transfer.tasks.sequence_classification.nli import entailment_scores, inference_pipeline, inference_problem
from nlp_transfer.tasks.sequence_classification.transduction import MIN_TEXTS, transductive_logits

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class TextPredictor(TextClassificationPredictor):
    """A trained classifier of texts.

    Args:
        transductive: correct the predictions for a set of texts by their words.
        hypotheses: of the classes, for a model of natural language inference.
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
                no model of inference; or `transductive` is given with `windows`, or for a model of several labels a
                text or with promises.
        """
        made = super().with_options(top_k=top_k, windows=windows)
        if descriptions is not None:
            if problem := self._no_inference(descriptions):
                raise ConfigError(f"--descriptions: {problem}")
            decision = Decision.plain(list(descriptions), multi_label=False)
            made = replace(made, decision=decision, hypotheses=tuple(descriptions.values()))
        if transductive and (problem := made._no_transduction(windows)):
            raise ConfigError(f"--transductive: {problem} Leave it out.")
        return replace(made, transductive=transductive)

    def _no_inference(self, descriptions: Mapping[str, str]) -> str | None:
        """Return why texts cannot be compared with descriptions, if so."""
        texts = list(descriptions.values())
        if len(texts) < 2 or not all(isinstance(text, str) and text.strip() for text in texts):
            return f"{dict(descriptions)!r}; expected a text for each of two classes or more."
        if len(set(texts)) < len(texts):
            return "two classes have the same text."
        if isinstance(self.model, OnnxNetwork):
            return "these are read by PyTorch. Leave --backend out."
        problem = inference_problem(inference_pipeline(self.model, self.tokenizer, self.max_length), texts)
        return None if problem is None else f"{self.origin} {problem}"

    def _no_transduction(self, windows: int | None) -> str | None:
        """Return why predictions cannot be corrected by words, if so."""
        if self.multi_label:
            return f"{self.origin} gives a text any number of labels, and words correct one label a text."
        if self.decision.promises:
            return f"{self.origin} promises a precision or a coverage, which hold for its own probabilities alone."
        return None if windows is None else "--windows names what decided in the network alone."

    def encode(self, rows: Sequence[tuple[Any, Any]], coverage: TokenCoverage) -> dict[str, list[Any]]:
        """Return the columns of encoded (id, text) rows, with the texts for a model of inference."""
        encoded = super().encode(rows, coverage)
        return {**encoded, "text": [text for _, text in rows]} if self.hypotheses else encoded

    def row_logits(self, rows: "Dataset | Mapping[str, Sequence[Any]]", *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of encoded rows, of a model of inference those of entailment."""
        if not self.hypotheses:
            return super().row_logits(rows, max_tokens=max_tokens)
        pipeline = inference_pipeline(self.model, self.tokenizer, self.max_length)
        scores = entailment_scores(pipeline, rows["text"], self.hypotheses, hypothesis_template="{}")
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
        """Score the model on one split, if `transductive` beside the network alone."""
        if self.transductive:
            _check_number(len(dataset))
        return super().evaluate(dataset, max_tokens=max_tokens)

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
