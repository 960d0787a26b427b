"""Baselines of long documents: the pretrained encoder, frozen, with a linear head on some windows of each document.

Features are the means of the last layer's states over tokens, averaged over the chosen windows. The penalty of the head
is chosen by the loss on source validation, and is 1 without. The encoder computes in bf16 where that is native. These
baselines show what reading more of a document is worth, before any training.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.models.heads import PENALTIES
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import with_thresholds

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from torch import Tensor

    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.base import FittedTask
    from nlp_transfer.tasks.classification.baselines import OfSplit

Choice = Callable[[int, np.random.Generator], list[int]]
"""(number of windows, random numbers) -> the windows that are read; `FIRST_TOKENS` are the tokens of truncation."""

FIRST_TOKENS = -1

FITTED_ON = ("train", "validation")

WINDOW_BASELINES: dict[str, Choice] = {
    "first_window": lambda count, random: [FIRST_TOKENS],
    "head_and_tail": lambda count, random: [FIRST_TOKENS, count - 1],
    "random_windows": lambda count, random: random.choice(count, size=min(2, count), replace=False).tolist(),
    "all_windows": lambda count, random: list(range(count)),
}
"""The baselines by name. A document of one window is read whole by all of them."""


def fit_window_baselines(
    names: Sequence[str],
    task: "FittedTask",
    reference: "ModelReference",
    encoded: "Mapping[str, Mapping[str, Dataset]]",
    *,
    tune_thresholds: bool = True,
) -> "Iterator[tuple[str, OfSplit]]":
    """Yield each baseline with its predictions, fitted on the source's training documents.

    They share one pass over all windows.
    """
    import torch
    from accelerate import PartialState

    from nlp_transfer.models.loading import load_encoder_with_head

    loaded = load_encoder_with_head(reference, label_names=task.label_names)
    model: Any = loaded.model.to(PartialState().device)  # type: ignore[arg-type]
    known: dict[tuple[str, str], _Documents] = {}

    def features(name: str, domain: str, split: str) -> "Tensor":
        if (domain, split) not in known:
            known[domain, split] = _Documents(model, encoded[domain][split], task.max_length)
        return torch.from_numpy(known[domain, split].features(WINDOW_BASELINES[name]))

    labels = {
        split: torch.tensor(rows["labels"]) for split, rows in encoded["source"].items() if "labels" in rows.features
    }
    for name in names:
        known_rows = {split: (features(name, "source", split), labels[split]) for split in FITTED_ON if split in labels}
        classifier = fit_classifier(known_rows, task, tune_thresholds=tune_thresholds)

        def predict(domain: str, split: str, name: str = name, of: Classifier = classifier) -> np.ndarray:
            return of.predict(features(name, domain, split))

        yield name, predict


@dataclass(frozen=True)
class Classifier:
    """Hold a linear classifier of documents: weight, shape (classes, hidden), bias, and how it decides."""

    weight: "Tensor"
    bias: "Tensor"
    decision: Decision

    def predict(self, features: "Tensor") -> np.ndarray:
        """Return class ids, shape (rows,), or zeros and ones, shape (rows, classes), for features (rows, hidden)."""
        return self.decision.choose(self.decision.probabilities((features @ self.weight.T + self.bias).numpy()))


def fit_classifier(
    rows: "Mapping[str, tuple[Tensor, Tensor]]", task: "FittedTask", *, tune_thresholds: bool
) -> Classifier:
    """Return the classifier with the lowest loss on validation; it decides there as the model does, by thresholds.

    Args:
        rows: features, shape (rows, hidden), and labels of `train` and, where there is one, `validation`.
    """
    from nlp_transfer.models.heads.linear_probe import fit_linear_heads

    penalties = PENALTIES if "validation" in rows else [1.0]
    heads = fit_linear_heads(*rows["train"], task.row_losses, l2=penalties, num_labels=len(task.label_names))
    decision = Decision.plain(task.label_names, multi_label=task.multi_label)
    if "validation" not in rows:
        return Classifier(*heads[0], decision)
    x, y = rows["validation"]
    logits = [x @ weight.T + bias for weight, bias in heads]
    best = int(np.argmin([float(task.row_losses(made, y).mean()) for made in logits]))
    decision = with_thresholds(decision, logits[best].numpy(), y.numpy().astype(int), tuned=tune_thresholds)
    return Classifier(*heads[best], decision)


class _Documents:
    """The features of every window of encoded documents, and of the first tokens of those that have several."""

    def __init__(self, model: Any, rows: "Dataset", max_length: int) -> None:
        import torch

        from nlp_transfer.models.activation_cache.features import hidden_states
        from nlp_transfer.models.activation_cache.window_rows import WindowRows
        from nlp_transfer.models.heads.document_pooling import padded
        from nlp_transfer.models.heads.pooling import available_poolings
        from nlp_transfer.models.speed.batching import default_batch_tokens
        from nlp_transfer.models.speed.precision import native_bf16

        def collate(some: list[dict[str, Any]]) -> "dict[str, torch.Tensor]":
            rows = [torch.as_tensor(np.asarray(row["input_ids"])).long() for row in some]
            ids, mask = padded(rows, int(model.config.pad_token_id or 0))
            return {"input_ids": ids, "attention_mask": mask, "labels": torch.zeros(len(some))}

        windows = WindowRows(rows)
        self.documents, self.counts = windows.documents, windows.counts
        kept = (first_tokens(row["input_ids"], row["window_ids"], max_length) for row in rows)
        firsts = [{"input_ids": np.array(ids, dtype=np.int32)} for ids in kept]  # lists of many documents fill memory
        key = (int(model.config.num_hidden_layers), available_poolings(model)[0])
        encode: dict[str, Any] = {"collate": collate, "max_tokens": default_batch_tokens(model.device)}
        encode |= {"layers": [key[0]], "poolings": [key[1]]}
        with native_bf16(model.device.type):
            self.of_windows = hidden_states(model, windows, **encode).features[key]  # type: ignore[arg-type]
            self.of_firsts = hidden_states(model, firsts, **encode).features[key]  # type: ignore[arg-type]
        self.first_counts = np.array([len(row["input_ids"]) for row in firsts])

    def features(self, choice: Choice) -> np.ndarray:
        """Return the mean features of the chosen windows, weighted by their tokens, shape (documents, hidden)."""
        random = np.random.default_rng(0)
        made = []
        for document, (start, end) in enumerate(self._ranges()):
            chosen = choice(end - start, random) if end - start > 1 else [0]
            parts = [self.of_windows[start + place] for place in chosen if place != FIRST_TOKENS]
            weights = [max(1, self.counts[start + place]) for place in chosen if place != FIRST_TOKENS]
            if FIRST_TOKENS in chosen:
                parts.append(self.of_firsts[document])
                weights.append(self.first_counts[document])
            made.append(np.average(parts, axis=0, weights=weights))
        return np.stack(made).astype(np.float32)

    def _ranges(self) -> Iterator[tuple[int, int]]:
        edges = np.flatnonzero(np.diff(self.documents, prepend=-1)).tolist()
        return iter(zip(edges, [*edges[1:], len(self.documents)], strict=True))


def first_tokens(ids: list[int], window_ids: list[int], max_length: int) -> list[int]:
    """Return what truncation keeps of a document that is encoded in windows.

    Example:
        >>> first_tokens([2, 7, 8, 3, 2, 8, 9, 3], [-1, 1, 1, -1, -2, -2, 2, -2], max_length=5)
        [2, 7, 8, 9, 3]
    """
    numbers = np.asarray(window_ids)
    own = np.flatnonzero(numbers > 0)
    if not len(own):
        return list(ids)
    before, after = ids[: own[0]], ids[own[-1] + 1 :]
    kept = [ids[place] for place in own[: max_length - len(before) - len(after)]]
    return [*before, *kept, *after]
