"""Frozen encoder: the encoder stays as it is; a linear classifier reads one of its layers.

The texts are encoded once. For every layer, pooling and penalty a classifier is fitted to its optimum on the training
rows (models/linear_head.py), the best on validation is kept, and it is written into a plain model of the same family
(models/pooling.py): layers above the chosen one are dropped, so the result is also faster. Middle layers are often the
best: the last ones are shaped by what the encoder was pretrained for.
Reference: Tenney et al. (2019), https://arxiv.org/abs/1905.05950; Alain & Bengio (2016), https://arxiv.org/abs/1610.01644
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.base import Context, Method

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from nlp_transfer.models.features import EncodedRows

CHECKED_ROWS = 16
"""How many validation rows are run through the finished model, to see that its logits are the fitted ones."""


@final
@dataclass(frozen=True)
class FrozenEncoder(Method):
    """Choose a layer, a pooling and a penalty on validation; nothing else trains.

    Args:
        layers: the layers to try, 1 is the lowest; None is all.
        pooling: the poolings to try, `mean` over the tokens and `cls`, the first token; None is all that the encoder's
            family can express.
        l2: the penalties to try (1 / C of scikit-learn's logistic regression).
    """

    name: ClassVar[str] = "frozen_encoder"
    trains: ClassVar[bool] = False

    layers: list[int] | None = None
    pooling: list[str] | None = None
    l2: list[float] = field(default_factory=lambda: [1.0, 10.0, 100.0, 1000.0])

    def __post_init__(self) -> None:
        """Check the values."""
        problems = []
        for key in ("layers", "pooling", "l2"):
            if getattr(self, key) is not None and not getattr(self, key):
                problems.append(f"frozen_encoder.{key} is empty; name at least one, or leave it out.")
        for pooling in self.pooling or []:
            if pooling not in ("mean", "cls"):
                problems.append(f"frozen_encoder.pooling: {did_you_mean('pooling', pooling, ('mean', 'cls'))}")
        problems += [f"frozen_encoder.l2 holds {l2}; expected more than 0." for l2 in self.l2 if l2 <= 0]
        if problems:
            raise ConfigError(problems)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Encode, fit, choose, and write the choice into the model.

        Raises:
            ConfigError: a layer or pooling that this encoder does not have, no validation rows, or an adapter.
        """
        from nlp_transfer.models.adapters import refuse_adapter
        from nlp_transfer.models.families import final_linear
        from nlp_transfer.models.features import hidden_states
        from nlp_transfer.models.pooling import fold_head, use_full_attention

        refuse_adapter(self.name, model)
        layers, poolings = self._candidates(model)
        if len(context.validation) == 0:
            raise ConfigError("frozen_encoder chooses a layer on validation rows, and there are none.")
        use_full_attention(model)
        encode: dict[str, Any] = {"collate": context.collate, "max_tokens": context.batch_tokens}
        train = hidden_states(model, context.train, layers=layers, poolings=poolings, **encode)
        validation = hidden_states(model, context.validation, layers=layers, poolings=poolings, **encode)
        tried, best = same_on_all_processes(self._fit(model, context, train, validation))
        fold_head(model, best["layer"], best["pooling"], best["weight"], best["bias"])
        model.requires_grad_(False)
        final_linear(model)[1].requires_grad_(True)
        self._check(model, context, best)
        context.facts[self.name] = {
            **{key: best[key] for key in ("layer", "pooling", "l2", "validation_score")},
            "candidates": tried,
            "best_per_layer": [
                max((c for c in tried if c["layer"] == layer), key=lambda c: c["validation_score"]) for layer in layers
            ],
        }
        return model

    def _candidates(self, model: "PreTrainedModel") -> tuple[list[int], list[str]]:
        from nlp_transfer.models.pooling import available_layers, available_poolings

        kind = model.config.model_type
        possible = available_layers(model)
        possible_poolings = available_poolings(model)
        problems = [
            f"frozen_encoder.layers holds {layer}; this {kind} encoder can be read at {possible[0]} to {possible[-1]}."
            for layer in self.layers or []
            if layer not in possible
        ]
        problems += [
            f"frozen_encoder.pooling holds {pooling!r}, which a {kind} encoder cannot express in its own architecture. "
            f"Possible: {', '.join(possible_poolings)}."
            for pooling in self.pooling or []
            if pooling not in possible_poolings
        ]
        if problems:
            raise ConfigError(problems)
        return sorted(set(self.layers or possible)), list(dict.fromkeys(self.pooling or possible_poolings))

    def _fit(
        self, model: "PreTrainedModel", context: Context, train: "EncodedRows", validation: "EncodedRows"
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Every candidate with its score, and the best with its weights. Ties go to lower layers and more penalty."""
        from tqdm.auto import tqdm

        from nlp_transfer.models.families import final_linear
        from nlp_transfer.models.linear_head import fit_linear_heads

        strengths = sorted(set(self.l2), reverse=True)
        device = model.device if model.device.type == "cuda" else "cpu"  # float64 is not everywhere
        classes = final_linear(model)[1].out_features
        tried: list[dict[str, Any]] = []
        best: dict[str, Any] | None = None
        for (layer, pooling), features in tqdm(train.features.items(), desc="Fitting heads", unit=" heads"):
            x = _tensor(features).to(device)
            x_validation = _tensor(validation.features[layer, pooling])
            heads = fit_linear_heads(x, train.labels.to(device), context.loss, l2=strengths, num_labels=classes)
            for l2, head in zip(strengths, heads, strict=True):
                weight, bias = (part.cpu() for part in head)
                logits = x_validation @ weight.T + bias
                score = float(context.score(logits, validation.labels))
                tried.append({"layer": layer, "pooling": pooling, "l2": l2, "validation_score": score})
                if best is None or score > best["validation_score"]:
                    best = {**tried[-1], "weight": weight, "bias": bias, "logits": logits}
        assert best is not None
        return tried, best

    def _check(self, model: "PreTrainedModel", context: Context, best: dict[str, Any]) -> None:
        """Run the finished model on a few validation rows; its logits must be the fitted ones."""
        import torch

        from nlp_transfer.models.features import make_batch

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
                "frozen_encoder.layers and frozen_encoder.pooling can name another."
            )


def same_on_all_processes(result: Any) -> Any:
    """The first process's result: each computes it, and rounding must not let them choose different layers."""
    from torch.distributed import broadcast_object_list, is_available, is_initialized

    if not (is_available() and is_initialized()):
        return result
    box = [result]
    broadcast_object_list(box)
    return box[0]


def _tensor(features: "np.ndarray") -> "Tensor":
    import torch

    return torch.from_numpy(features)
