"""A linear probe: fit the best linear classifier on a frozen encoder, and write it into a plain model of its family.

The texts are encoded once. For every layer, pooling, loss and penalty a classifier is fitted to its optimum on the
training rows (`models/heads/linear_probe.py`). The best on validation, or in cross-validation where there are no such
rows, is written into the model, and the layers above its layer are dropped. The logits of a linear SVM are scaled so
that the held-out rows are most probable.
Reference: Alain & Bengio (2016), https://arxiv.org/abs/1610.01644
"""

import logging
import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.held_out import FOLDS, REPEATS, Fit, Head, HeldOut, fixed_rows
from nlp_transfer.models.heads import PENALTIES
from nlp_transfer.models.outputs import Output
from nlp_transfer.progress import counted

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from nlp_transfer.models.activation_cache.features import EncodedRows
    from nlp_transfer.models.heads.window_features import Features

log = logging.getLogger(__name__)

HEAD_LOSSES = ("task", "squared_hinge", "prototypes")
"""Values of `LinearProbing.losses`."""

Setting = dict[str, Any]
"""The settings of a head, by name."""

TEMPERATURE = 0.1
"""What divides similarities where no rows tell how sure they are."""

CHECKED_ROWS = 16
"""Number of rows on which the finished model's logits must be the fitted ones."""


@dataclass(frozen=True)
class LinearProbing(Method):
    """Fit linear heads on a frozen encoder and choose among them on rows that are held out.

    Args:
        layers: the layers to try, 1 is the lowest; None is all.
        pooling: the poolings to try, `mean` over the tokens and `cls`, the first token; None is all that the encoder's
            family can express.
        l2: the penalties to try (1 / C of scikit-learn's logistic regression).
        losses: the losses to fit heads by: `task`, the task's own; `squared_hinge`, that of a linear SVM, which tends
            to do better with few texts a class; `prototypes` fits none and takes the nearest class mean.
    """

    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})

    tries_all_layers: ClassVar[bool] = True

    layers: list[int] | None = None
    pooling: list[str] | None = None
    l2: list[float] = field(default_factory=lambda: list(PENALTIES))
    losses: list[Literal["task", "squared_hinge", "prototypes"]] = field(default_factory=lambda: ["task"])

    def __post_init__(self) -> None:
        problems = [
            f"{self.name}.{key} is empty; name at least one, or leave it out."
            for key in ("layers", "pooling", "l2", "losses")
            if getattr(self, key) is not None and not getattr(self, key)
        ]
        known = ("pooling", "pooling", ("mean", "cls")), ("losses", "loss", HEAD_LOSSES)
        for key, kind, names in known:
            unknown = [one for one in getattr(self, key) or [] if one not in names]
            problems += [f"{self.name}.{key}: {did_you_mean(kind, one, names)}" for one in unknown]
        problems += [f"{self.name}.l2 holds {l2}; expected more than 0." for l2 in self.l2 if not 0 < l2 < math.inf]
        if problems:
            raise ConfigError(problems)

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings; raise ConfigError with each that it lacks."""
        from nlp_transfer.models.adapters import check_adapter_conflict
        from nlp_transfer.models.families import family, model_type
        from nlp_transfer.models.heads.pooling import available_layers, available_poolings

        check_adapter_conflict(self.name, model)
        if getattr(getattr(model, "config", None), "problem_type", None) == "regression" and self.losses != ["task"]:
            raise ConfigError(f"{self.name}.losses is {self.losses}; a head for numbers is fitted by [task] alone.")
        family(model)  # which refuses one that is not known
        kind, possible, possible_poolings = model_type(model), available_layers(model), available_poolings(model)
        problems = [
            f"{self.name}.layers holds {layer}; this {kind} encoder can be read at {possible[0]} to {possible[-1]}."
            for layer in self.layers or []
            if layer not in possible
        ]
        problems += [
            f"{self.name}.pooling holds {pooling!r}, which a {kind} encoder cannot express in its own architecture. "
            f"Possible: {', '.join(possible_poolings)}."
            for pooling in self.pooling or []
            if pooling not in possible_poolings
        ]
        if problems:
            raise ConfigError(problems)

    def candidate_layers(self, model: "PreTrainedModel") -> list[int]:
        """Return the layers to try: where none are named, all or the last one."""
        from nlp_transfer.models.heads.pooling import available_layers

        possible = list(available_layers(model))
        return self.layers or (possible if self.tries_all_layers else possible[-1:])

    def candidate_poolings(self, model: "PreTrainedModel") -> list[str]:
        """Return the poolings to try: where none are named, all that the family can express."""
        from nlp_transfer.models.heads.pooling import available_poolings

        return list(dict.fromkeys(self.pooling or available_poolings(model)))

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Encode, fit, choose, and write the choice into the model, whose encoder stays as it is."""
        from nlp_transfer.models.families import final_linear

        self.fit(model, context)
        model.requires_grad_(False)
        final_linear(model)[1].requires_grad_(True)
        return model

    def fit(self, model: "PreTrainedModel", context: Context) -> str:
        """Encode, fit, choose, and write the choice into the model; return the pooling; raise ConfigError."""
        from accelerate import PartialState
        from accelerate.utils import broadcast_object_list

        from nlp_transfer.methods.token_probing import token_context
        from nlp_transfer.models.families import tags_tokens
        from nlp_transfer.models.heads.pooling import fold_head, use_full_attention

        layers = sorted(set(self.candidate_layers(model)))
        use_full_attention(model)
        if tags_tokens(model):
            context = token_context(self.name, context)
        kept = context.activations is not None  # then the others find what the first has stored
        with PartialState().local_main_process_first() if kept else nullcontext():
            train, validation = (
                self._encoded(model, context, rows, layers) for rows in (context.train, context.validation)
            )
        stored = _stored(train, validation, context)
        # Rounding must not let processes choose different layers: all take what the first has chosen.
        tried, best = broadcast_object_list([self._fit(model, context, train, validation)])[0]
        fold_head(model, best["layer"], best["pooling"], best["weight"], best["bias"])
        self._check_fitted(model, context, best)
        made = {key: value for key, value in best.items() if key not in ("weight", "bias", "logits")}
        if len(tried) == 1:  # there was no choice, and a score without one says nothing
            del made[score_name(context)]
            context.facts[self.name] = {**made, **stored}
            return str(best["pooling"])
        if not len(context.validation):
            made["chosen_by"] = f"cross-validation, {REPEATS} times {min(FOLDS, len(context.train))} folds"
        context.facts[self.name] = {
            **made,
            **stored,
            "candidates": tried,
            "best_per_layer": [
                max((c for c in tried if c["layer"] == layer), key=lambda c: c[score_name(context)]) for layer in layers
            ],
        }
        return str(best["pooling"])

    def _encoded(self, model: "PreTrainedModel", context: Context, rows: "Dataset", layers: list[int]) -> "EncodedRows":
        """Return the features of rows, of documents as their pooling needs them, or of tagged tokens."""
        from nlp_transfer.models.activation_cache.features import EncodedRows, hidden_states, pool_documents
        from nlp_transfer.models.activation_cache.token_features import token_features
        from nlp_transfer.models.activation_cache.window_rows import network_rows
        from nlp_transfer.models.families import tags_tokens

        poolings = self.candidate_poolings(model)
        if not len(rows):
            return EncodedRows.none(layers, poolings)
        encode: dict[str, Any] = {"layers": layers, "collate": context.collate, "max_tokens": context.batch_tokens}
        if tags_tokens(model):
            return token_features(model, rows, **encode)
        found = network_rows(rows)
        encode |= {"poolings": poolings, "store": context.activations}
        return pool_documents(hidden_states(model, found, **encode), found, getattr(model, "window_pooling", "mean"))

    def candidates(self, context: Context, labels: "Tensor", classes: int) -> "Iterator[tuple[list[Setting], Fit]]":
        """Yield settings of heads, those that are preferred on ties first, and the function that fits them."""
        from nlp_transfer.models.heads.linear_probe import fit_linear_heads, prototype_head, squared_hinge

        strengths = sorted(set(self.l2), reverse=True)
        for name in self.losses:
            if name == "prototypes":
                yield [{"loss": name}], lambda x, y: [prototype_head(x, y, classes)]
                continue

            def fit(x: "Features", y: "Tensor", hinge: bool = name != "task") -> "list[Head]":
                loss = squared_hinge(y, classes) if hinge else context.loss
                return fit_linear_heads(x, y, loss, l2=strengths, num_labels=classes)

            yield [{"loss": name, "l2": l2} for l2 in strengths], fit

    def margin_scale(self, held_out: HeldOut, features: "Features", logits: "Tensor") -> float:
        """Return the factor that makes probabilities of the logits of a head that is not fitted by likelihood.

        Args:
            features: of the training rows.
            logits: of the held-out rows.
        """
        from nlp_transfer.models.heads.linear_probe import fit_scale
        from nlp_transfer.models.heads.window_features import document_means

        if held_out.cross_validates and held_out.has_single_rows:  # held out, a class without a text has no margin
            return 1 / (TEMPERATURE * float(document_means(features).norm(dim=1).mean()))
        return fit_scale(logits, held_out.truth.cpu())

    def _fit(
        self, model: "PreTrainedModel", context: Context, train: "EncodedRows", validation: "EncodedRows"
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return every candidate with its score, and the best with its weights (lower layer, more penalty on ties)."""
        from nlp_transfer.models.families import final_linear
        from nlp_transfer.models.heads.window_features import apply_head

        device = model.device if model.device.type == "cuda" else "cpu"  # float64 is not everywhere
        classes, labels = final_linear(model)[1].out_features, train.labels.to(device)
        held_out = HeldOut(labels, validation.labels, context.seed, fixed_rows(context.train))
        truth = held_out.truth.cpu()
        chooses = len(train.features) * len(self.losses) * len(self.l2) > 1 and self.losses != ["prototypes"]
        if chooses and held_out.cross_validates and held_out.has_single_rows:
            log.warning(
                "A class has one training text, so that cross-validation cannot judge its head: take the method "
                "prototypes or contrastive, or label more."
            )
        tried: list[dict[str, Any]] = []
        scored = score_name(context)
        best: dict[str, Any] | None = None
        for layer, pooling in counted(list(train.features), "Fitting heads"):
            x, x_validation = train.of(layer, pooling).to(device), validation.of(layer, pooling)
            for settings, fit in self.candidates(context, labels, classes):
                for setting, (head, logits) in zip(settings, held_out.fit(fit, x, x_validation), strict=True):
                    scale = 1.0 if setting["loss"] == "task" else self.margin_scale(held_out, x, logits)
                    score = float(context.score(logits * scale, truth))
                    tried.append({"layer": layer, "pooling": pooling, **setting, scored: score})
                    if best is None or score > best[scored]:
                        weight, bias = (part.cpu() * scale for part in head)
                        best = {**tried[-1], "weight": weight, "bias": bias}
        assert best is not None
        checked = train if held_out.cross_validates else validation
        features = checked.of(best["layer"], best["pooling"])[:CHECKED_ROWS]
        return tried, {**best, "logits": apply_head(features, best["weight"], best["bias"])}

    def _check_fitted(self, model: "PreTrainedModel", context: Context, best: dict[str, Any]) -> None:
        """Run the finished model on a few rows; its logits must be the fitted ones."""
        import torch

        from nlp_transfer.models.activation_cache.features import make_batch

        rows, expected = context.validation if len(context.validation) else context.train, best["logits"]
        batch = make_batch(rows, range(min(len(expected), len(rows))), context.collate, model.device)
        inputs = {key: value for key, value in batch.items() if key != "labels"}
        model.eval()
        with torch.no_grad():
            logits = model(**inputs).logits.float().cpu()
        if logits.ndim == 3:  # of tokens, the first of which were fitted
            logits = logits[(batch["labels"] >= 0).cpu()][: len(expected)]
            expected = expected[: len(logits)]
        difference = (logits - expected).abs().max().item()
        if difference > 1e-3 * max(1.0, expected.abs().max().item()):
            raise RuntimeError(
                f"The head for layer {best['layer']}, pooling {best['pooling']} does not survive being written into "
                f"the {model.config.model_type} model: its logits differ by {difference:.2g}. Name another."
            )


def score_name(context: Context) -> str:
    """Return the name of the score that heads are chosen by, as the report has it."""
    return "validation_score" if len(context.validation) else "cross_validation_score"


def _stored(train: "EncodedRows", validation: "EncodedRows", context: Context) -> dict[str, Any]:
    """Log where the features are cached, or why they are not; return the same for the report."""
    from nlp_transfer.models.activation_cache.store import format_bytes

    if context.activations is None:
        return {}
    reasons = dict.fromkeys(part.not_stored for part in (train, validation) if part.not_stored is not None)
    if reason := "; ".join(reasons):
        log.info("Features are not kept for other runs: %s.", reason)
        return {"features_not_kept": reason}
    size, computed = train.stored_bytes + validation.stored_bytes, train.computed + validation.computed
    how = "Every row was encoded once, and the features are kept" if computed else "Features were found"
    log.info("%s: %s in %s.", how, format_bytes(size), context.activations.folder)
    return {"features_kept_bytes": size}
