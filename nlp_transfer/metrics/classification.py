"""Accuracy, precision, recall and F1, Matthews correlation and confusion matrices, as the literature counts them.

    precision = TP / (TP + FP)    recall = TP / (TP + FN)    F1 = 2 TP / (2 TP + FP + FN)

Macro is the mean over classes, weighted the mean weighted by support, micro the same ratio over summed counts.
scikit-learn computes all of them; 0 / 0 counts as 0. Papers differ in the classes of the means:

- Single-label: the classes that occur in the references or the predictions, scikit-learn's default. A class in neither
  has support 0, null scores, and is in no mean. A class that occurs but is never predicted has precision 0.
- Multi-label: all label columns, those without a positive included (they score 0), as LexGLUE's evaluation does
  (Chalkidis et al., 2022, https://arxiv.org/abs/2110.00976). For UNFAIR-ToS and ECtHR it scores "no label" as one
  column more; compare its tables with `macro_f1_with_none` and `micro_f1_with_none`.

Multi-label accuracy is exact match (subset accuracy), as in scikit-learn.
"""

from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    hamming_loss,
    matthews_corrcoef,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
)

from nlp_transfer.metrics.evaluate_metric import ClassificationMetric


class Accuracy(ClassificationMetric):
    """`accuracy`: the share of rows that are right; a multi-label row is right when all its labels are."""

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        return {"accuracy": float(np.mean(np.reshape(predictions == references, (len(references), -1)).all(axis=1)))}


class ExactMatch(ClassificationMetric):
    """`exact_match`: subset accuracy; `hamming_loss`: the share of single label decisions that are wrong."""

    kinds = frozenset({True})

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        return {
            "exact_match": float(accuracy_score(references, predictions)),
            "hamming_loss": float(hamming_loss(references, predictions)),
        }


class PrecisionRecallF1(ClassificationMetric):
    """Precision, recall and F1: `macro_…`, `micro_…`, `weighted_…`, and `per_class` with each class's support."""

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        classes = len(self.label_names)
        labels = None
        if self.multi_label and classes == 1:
            # One column is binary to scikit-learn, which would average over "no" as a class of its own.
            predictions, references, labels = predictions[:, 0], references[:, 0], [1]
        scores: dict[str, Any] = {}
        for average in ("macro", "micro", "weighted"):
            means = precision_recall_fscore_support(
                references, predictions, labels=labels, average=average, zero_division=0
            )
            scores |= {
                f"{average}_{name}": float(v) for name, v in zip(("precision", "recall", "f1"), means, strict=False)
            }
        columns = labels or np.arange(classes)
        of_class = precision_recall_fscore_support(
            references, predictions, labels=columns, average=None, zero_division=0
        )
        occurs = np.full(classes, True) if self.multi_label else np.isin(columns, [references, predictions])
        scores["per_class"] = {
            name: {
                "precision": float(precision) if there else None,
                "recall": float(recall) if there else None,
                "f1": float(f1) if there else None,
                "support": int(support),
            }
            for name, there, precision, recall, f1, support in zip(self.label_names, occurs, *of_class, strict=True)
        }
        return scores


class MatthewsCorrelation(ClassificationMetric):
    """`matthews`: correlation of truth and prediction, -1 to 1; 0 where either has one class only."""

    kinds = frozenset({False})

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        if len(np.unique(np.concatenate([predictions, references]))) == 1:
            return {"matthews": 0.0}  # scikit-learn returns the same, with a warning
        return {"matthews": float(matthews_corrcoef(references, predictions))}


class NoneAsClass(ClassificationMetric):
    """`macro_f1_with_none`, `micro_f1_with_none`: F1 with "no label" as one column more, as in LexGLUE."""

    kinds = frozenset({True})

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        truth, guess = (np.column_stack([x, ~x.any(axis=1)]).astype(np.int64) for x in (references, predictions))
        return {
            f"{average}_f1_with_none": float(f1_score(truth, guess, average=average, zero_division=0))
            for average in ("macro", "micro")
        }


class ConfusionMatrix(ClassificationMetric):
    """`confusion_matrix`: counts, rows true and columns predicted.

    Shape (classes, classes); for multi-label (classes, 2, 2), each [[true negatives, false positives],
    [false negatives, true positives]].
    """

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return the scores that the class names."""
        classes = len(self.label_names)
        if not self.multi_label:
            if classes == 1:
                return {"confusion_matrix": [[len(references)]]}  # scikit-learn returns the same, with a warning
            counts = confusion_matrix(references, predictions, labels=np.arange(classes))
        elif classes == 1:
            counts = multilabel_confusion_matrix(references[:, 0], predictions[:, 0], labels=[1])
        else:
            counts = multilabel_confusion_matrix(references, predictions)
        return {"confusion_matrix": counts.tolist()}
