"""Predict the classes of texts, in bounded memory and in order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.text_rows import dataset_rows
from nlp_transfer.errors import ConfigError
from nlp_transfer.models.heads.document_pooling import WindowLogits
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.classification.baselines import label_array, score_baselines
from nlp_transfer.tasks.classification.class_prediction import WINDOWS_TYPE
from nlp_transfer.tasks.classification.predictor import ClassificationPredictor, check_count
from nlp_transfer.tasks.predictor import Evaluated
from nlp_transfer.tasks.reading.predictor import ReadingPredictor

if TYPE_CHECKING:
    from datasets import Dataset

_NAME = ("scored", "texts")
"""The domain and the split, as figures and tables name them."""


@dataclass(frozen=True)
class TextClassificationPredictor(ClassificationPredictor, ReadingPredictor):
    """A trained classifier of texts, or of pairs of them.

    Args:
        windows: number of windows that a prediction names for each class; None names none.
    """

    windows: int | None = None

    def state(self) -> dict[str, Any]:
        """Return the length and the decision."""
        return {"max_length": self.max_length, **self.reading.record(), **super().state()}

    def with_options(self, *, top_k: int | None = None, windows: int | None = None) -> Self:
        """Return the classifier with `top_k` probabilities, and `windows` that decided, for each prediction.

        Raises:
            ConfigError: one of them is less than 1, or the model does not read in windows or has no character offsets.
        """
        check_count("windows", windows)
        if windows is not None and not (self.reading.in_windows and self.tokenizer.is_fast):
            raise ConfigError(
                f"--windows names the windows that decided, and {self.origin} does not read in windows, or has no fast "
                "tokenizer. Leave it out, or train with task.long_documents: windows."
            )
        return replace(super().with_options(top_k=top_k), windows=windows)

    def coverage(self) -> TokenCoverage:
        """Return counts that tell texts of another kind than those that the decision was fitted on."""
        return TokenCoverage(known=self.decision.frequencies if self.decision.promises else None)

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a table of predictions, with the windows that decided."""
        return super().columns() | ({"windows": WINDOWS_TYPE} if self.windows else {})

    def predict_window(
        self, window: Sequence[tuple[Any, Any]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[Any]:
        """Yield the prediction of each text."""
        encoded, ids = self.encode(window, coverage), [row_id for row_id, _ in window]
        if not self.windows:
            yield from self.described(ids, self.row_logits(encoded, max_tokens=max_tokens))
            return
        windows = self.window_logits(encoded, max_tokens)
        for number, made in enumerate(self.described(ids, windows.pooled(self.reading.pooling))):
            yield replace(made, windows=self._evidence(windows.of(number), encoded["spans"][number], made.predicted))

    def corrected(self, texts: Iterable[Any], logits: np.ndarray) -> np.ndarray:
        """Return the logits that are decided on, of texts with the network's logits."""
        return logits

    def others(self, dataset: "Dataset", logits: np.ndarray) -> dict[str, np.ndarray]:
        """Return the choices of other systems to score beside the model, by name, from the network's logits."""
        return {}

    def _evidence(
        self, windows: WindowLogits, spans: Sequence[tuple[int, int]], predicted: str | list[str]
    ) -> list[dict[str, Any]]:
        """Return the windows that decided for each predicted class."""
        own = self.decision.probabilities(windows.logits)
        evidence = []
        for name in [predicted] if isinstance(predicted, str) else predicted:
            place = list(self.label_names).index(name)
            deciding = windows.deciding(place, self.reading.pooling, multi_label=self.multi_label)
            for window, weight, contribution in deciding[: self.windows]:
                numbers = {"weight": weight, "contribution": contribution, "probability": float(own[window, place])}
                rounded = {key: round(value, 6) for key, value in numbers.items()}
                evidence.append({"class": name, "start": spans[window][0], "end": spans[window][1], **rounded})
        return evidence

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split; report texts of another kind than the decision's, and long documents."""
        from datasets import Dataset

        from nlp_transfer.tasks.classification.evaluation import evaluated
        from nlp_transfer.tasks.classification.length_section import length_section
        from nlp_transfer.tasks.classification.sections import shift_block

        coverage = self.coverage()
        logits, columns = self.split_logits(dataset, coverage, max_tokens)
        coverage.log_warnings()
        references = label_array(dataset, len(self.label_names), multi_label=self.multi_label)
        final = self.corrected((text for _, text in dataset_rows(dataset)), logits)
        scored = Predictions(list(dataset["id"]), final, references, {})
        made = evaluated(self.decision, scored, " ".join(_NAME), np.asarray(columns["text_length"]))
        before, (domain, split) = list[Section](), _NAME
        if coverage.known is not None:
            shift = shift_block(self.decision, coverage.known, coverage.frequencies, "These texts")
            before.append(Section("Decision", (shift,)))
        rows = {domain: {split: Dataset.from_dict({**columns, "labels": np.asarray(references)})}}
        long = length_section(self.reading, self.decision, {domain: {split: scored}}, rows)
        others = {name: {domain: {split: chosen}} for name, chosen in self.others(dataset, logits).items()}
        scores = score_baselines(others, {domain: {split: scored}}, self.decision)
        baselines = {name: one[domain][split] for name, one in scores.items()}
        return replace(made, baselines=baselines, sections=(*before, *made.sections, *([long] if long else [])))
