"""A linear probe: fit the best linear classifier on a frozen encoder, and write it into a plain model of its family.

The texts are encoded once, and read from the cache in later runs. For every layer, pooling, loss and penalty a
classifier is fitted to its optimum on the training rows (`models/heads/linear_probe.py`). The best on validation is
written into the model, and the layers above its layer are dropped. `frozen_encoder` stops there; `lp_ft` goes on.

The loss is the task's, or that of a linear SVM, whose logits are then scaled so that validation is most probable.
Validation chooses well between few candidates only.
Reference: Alain & Bengio (2016), https://arxiv.org/abs/1610.01644
"""

import logging
import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.context import Context

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedModel

    from nlp_transfer.models.activation_cache.features import EncodedRows

log = logging.getLogger(__name__)

CHECKED_ROWS = 16
"""How many validation rows are run through the finished model, to see that its logits are the fitted ones."""

LOSSES = ("task", "squared_hinge")
"""The losses that heads may be fitted by: the task's, or that of a linear SVM."""

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""The penalties that are tried where none are named."""


@dataclass(frozen=True)
class Probe:
    """List the candidates of a probe.

    Args:
        method: the method that it belongs to, for messages.
        layers: the layers to try, 1 is the lowest; None is all.
        pooling: the poolings to try; None is all that the encoder's family can express.
        l2: the penalties to try.
        losses: the losses to try, of `LOSSES`.
    """

    method: str
    layers: list[int] | None
    pooling: list[str] | None
    l2: list[float]
    losses: list[str]

    def __post_init__(self) -> None:
        """Check the values."""
        problems = []
        for key in ("layers", "pooling", "l2", "losses"):
            if getattr(self, key) is not None and not getattr(self, key):
                problems.append(f"{self.method}.{key} is empty; name at least one, or leave it out.")
        for pooling in self.pooling or []:
            if pooling not in ("mean", "cls"):
                problems.append(f"{self.method}.pooling: {did_you_mean('pooling', pooling, ('mean', 'cls'))}")
        problems += [
            f"{self.method}.losses: {did_you_mean('loss', loss, LOSSES)}" for loss in self.losses if loss not in LOSSES
        ]
        problems += [f"{self.method}.l2 holds {l2}; expected more than 0." for l2 in self.l2 if not 0 < l2 < math.inf]
        if problems:
            raise ConfigError(problems)

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings.

        Raises:
            ConfigError: with every such layer and pooling; or the model has an adapter, or is of no known family.
        """
        from nlp_transfer.models.adapters import check_adapter_conflict
        from nlp_transfer.models.families import family, model_type
        from nlp_transfer.models.heads.pooling import available_layers, available_poolings

        check_adapter_conflict(self.method, model)
        family(model)  # which refuses one that is not known
        kind = model_type(model)
        possible = available_layers(model)
        possible_poolings = available_poolings(model)
        problems = [
            f"{self.method}.layers holds {layer}; this {kind} encoder can be read at {possible[0]} to {possible[-1]}."
            for layer in self.layers or []
            if layer not in possible
        ]
        problems += [
            f"{self.method}.pooling holds {pooling!r}, which a {kind} encoder cannot express in its own architecture. "
            f"Possible: {', '.join(possible_poolings)}."
            for pooling in self.pooling or []
            if pooling not in possible_poolings
        ]
        if problems:
            raise ConfigError(problems)

    def fit(self, model: "PreTrainedModel", context: Context) -> dict[str, Any]:
        """Encode, fit, choose, and write the choice into the model, in place.

        Returns:
            The choice, and all candidates with their scores.

        Raises:
            ConfigError: there are no validation rows.
        """
        from accelerate import PartialState

        from nlp_transfer.models.activation_cache.features import hidden_states
        from nlp_transfer.models.heads.pooling import fold_head, use_full_attention

        layers, poolings = self._candidates(model)
        if len(context.validation) == 0:
            raise ConfigError(f"{self.method} chooses a layer on validation rows, and there are none.")
        use_full_attention(model)
        encode: dict[str, Any] = {"layers": layers, "poolings": poolings, "store": context.activations}
        encode |= {"collate": context.collate, "max_tokens": context.batch_tokens}
        kept = context.activations is not None  # then the others find what the first has stored
        with PartialState().local_main_process_first() if kept else nullcontext():
            train = hidden_states(model, context.train, **encode)
            validation = hidden_states(model, context.validation, **encode)
        stored = _stored(train, validation, context)
        tried, best = same_on_all_processes(self._fit(model, context, train, validation))
        fold_head(model, best["layer"], best["pooling"], best["weight"], best["bias"])
        self._check(model, context, best)
        return {
            **{key: best[key] for key in ("layer", "pooling", "loss", "l2", "validation_score")},
            **stored,
            "candidates": tried,
            "best_per_layer": [
                max((c for c in tried if c["layer"] == layer), key=lambda c: c["validation_score"]) for layer in layers
            ],
        }

    def _candidates(self, model: "PreTrainedModel") -> tuple[list[int], list[str]]:
        from nlp_transfer.models.heads.pooling import available_layers, available_poolings

        layers = self.layers or available_layers(model)
        return sorted(set(layers)), list(dict.fromkeys(self.pooling or available_poolings(model)))

    def _fit(
        self, model: "PreTrainedModel", context: Context, train: "EncodedRows", validation: "EncodedRows"
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return every candidate with its score, and the best with its weights (lower layer, more penalty on ties)."""
        from tqdm.auto import tqdm

        from nlp_transfer.models.families import final_linear
        from nlp_transfer.models.heads.linear_probe import fit_linear_heads
        from nlp_transfer.models.heads.margin_loss import fit_scale, squared_hinge

        strengths = sorted(set(self.l2), reverse=True)
        device = model.device if model.device.type == "cuda" else "cpu"  # float64 is not everywhere
        classes = final_linear(model)[1].out_features
        tried: list[dict[str, Any]] = []
        best: dict[str, Any] | None = None
        labels = train.labels.to(device)
        losses = {"task": context.loss, "squared_hinge": squared_hinge(labels, classes)}
        candidates = [(layer, pooling, loss) for layer, pooling in train.features for loss in self.losses]
        for layer, pooling, loss in tqdm(candidates, desc="Fitting heads", unit=" heads"):
            x = _tensor(train.features[layer, pooling]).to(device)
            x_validation = _tensor(validation.features[layer, pooling])
            heads = fit_linear_heads(x, labels, losses[loss], l2=strengths, num_labels=classes)
            for l2, head in zip(strengths, heads, strict=True):
                weight, bias = (part.cpu() for part in head)
                logits = x_validation @ weight.T + bias
                if loss != "task":
                    scale = fit_scale(logits, validation.labels)
                    weight, bias, logits = weight * scale, bias * scale, logits * scale
                score = float(context.score(logits, validation.labels))
                tried.append({"layer": layer, "pooling": pooling, "loss": loss, "l2": l2, "validation_score": score})
                if best is None or score > best["validation_score"]:
                    best = {**tried[-1], "weight": weight, "bias": bias, "logits": logits}
        assert best is not None
        return tried, best

    def _check(self, model: "PreTrainedModel", context: Context, best: dict[str, Any]) -> None:
        """Run the finished model on a few validation rows; its logits must be the fitted ones."""
        import torch

        from nlp_transfer.models.activation_cache.features import make_batch

        count = min(CHECKED_ROWS, len(context.validation))
        batch = make_batch(context.validation, range(count), context.collate, model.device)
        inputs = {key: value for key, value in batch.items() if key != "labels"}
        model.eval()
        with torch.no_grad():
            logits = model(**inputs).logits.float().cpu()
        expected = best["logits"][:count]
        difference = (logits - expected).abs().max().item()
        if difference > 1e-3 * max(1.0, expected.abs().max().item()):
            raise RuntimeError(
                f"The head for layer {best['layer']}, pooling {best['pooling']} does not survive being written into "
                f"the {model.config.model_type} model: its logits differ by {difference:.2g}. Please report this; "
                f"{self.method}.layers and {self.method}.pooling can name another."
            )


def same_on_all_processes(result: Any) -> Any:
    """Return the first process's result, since rounding must not let processes choose different layers.

    Example:
        >>> same_on_all_processes(3)
        3
    """
    from torch.distributed import broadcast_object_list, is_available, is_initialized

    if not (is_available() and is_initialized()):
        return result
    box = [result]
    broadcast_object_list(box)
    return box[0]


def _stored(train: "EncodedRows", validation: "EncodedRows", context: Context) -> dict[str, Any]:
    """Log where the features are cached, or why they are not; return the same for the report."""
    from nlp_transfer.models.activation_cache.store import format_bytes

    if context.activations is None:
        return {}
    reasons = dict.fromkeys(part.not_stored for part in (train, validation) if part.not_stored is not None)
    if reasons:
        reason = "; ".join(reasons)
        log.info("Features are not kept for other runs: %s.", reason)
        return {"features_not_kept": reason}
    size, computed = train.stored_bytes + validation.stored_bytes, train.computed + validation.computed
    how = "Every text was encoded once, and the features are kept" if computed else "Features were found"
    log.info("%s: %s in %s.", how, format_bytes(size), context.activations.folder)
    return {"features_kept_bytes": size}


def _tensor(features: "np.ndarray") -> "Tensor":
    import torch

    return torch.from_numpy(features)
