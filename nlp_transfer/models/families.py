"""What is known of each encoder family: where its layers, its head and its pooling are.

One table, keyed by `config.model_type`. Everything that looks into a network (freezing, adapters, pooling) asks here,
so a new family is one new entry.

- ALBERT applies one layer many times; it has as many groups of weights as `config.num_hidden_groups`, mostly one. What
  this module calls a layer is such a group there.
- BigBird builds a pooler that no classifier reads; it is listed as unused, so that nothing trains or saves it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from peft import PeftModel
from torch import nn

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class PostNormLayer:
    """Names inside one layer that normalises after each residual sum; such a layer can be made to average tokens.

    Args:
        scores: the linear layers that decide who attends to whom (queries and keys).
        values: the linear layers that make what is averaged.
        attention_output: the linear layer after attention.
        attention_norm: the layer norm after attention.
        output: the last linear layer of the feed-forward block.
        output_norm: the layer norm after the feed-forward block.
    """

    scores: tuple[str, ...]
    values: tuple[str, ...]
    attention_output: str
    attention_norm: str
    output: str
    output_norm: str


@dataclass(frozen=True)
class Family:
    """Module names of one family's `…ForSequenceClassification`.

    Args:
        layers: the encoder's list of layers, relative to the encoder.
        head: the modules between the encoder's last state and the logits, in the order of the forward pass.
        final_linear: the linear layer that makes the logits.
        dense: the head's linear layer before its activation.
        activation: the head's activation: `tanh`, `gelu` or `relu` where the code fixes it, else the config key that
            names it.
        activation_is_free: whether that key names nothing else, so that it may be set to `linear`.
        layer: names inside a post-norm layer; None where a layer cannot be made to average.
        pooling: what `config.classifier_pooling` is called for each pooling, where the family pools by itself.
        final_norm: the norm after the last layer, relative to the encoder.
        head_norm: the norm between the head's activation and the final linear layer.
        unused: modules that the logits do not depend on.
        tied_to_depth: config keys that hold one entry a layer.
        attention_by_registry: whether each layer attends through transformers' registry of attention functions, and
            all else in it looks at one token at a time.
        only_whole: why its upper layers cannot start from states that were kept; empty where they can.
    """

    layers: str
    head: tuple[str, ...]
    final_linear: str
    dense: str
    activation: str
    activation_is_free: bool = False
    layer: PostNormLayer | None = None
    pooling: tuple[tuple[str, str], ...] = ()
    final_norm: str | None = None
    head_norm: str | None = None
    unused: tuple[str, ...] = ()
    tied_to_depth: tuple[str, ...] = ()
    attention_by_registry: bool = False
    only_whole: str = ""


_BERT_LAYER = PostNormLayer(
    scores=("attention.self.query", "attention.self.key"),
    values=("attention.self.value",),
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    output="output.dense",
    output_norm="output.LayerNorm",
)
_LONGFORMER_LAYER = PostNormLayer(
    scores=(*_BERT_LAYER.scores, "attention.self.query_global", "attention.self.key_global"),
    values=(*_BERT_LAYER.values, "attention.self.value_global"),
    attention_output=_BERT_LAYER.attention_output,
    attention_norm=_BERT_LAYER.attention_norm,
    output=_BERT_LAYER.output,
    output_norm=_BERT_LAYER.output_norm,
)
_DEBERTA_V2_LAYER = PostNormLayer(
    # With query and key at zero the position terms vanish too: each is a product with one of them.
    scores=("attention.self.query_proj", "attention.self.key_proj"),
    values=("attention.self.value_proj",),
    attention_output=_BERT_LAYER.attention_output,
    attention_norm=_BERT_LAYER.attention_norm,
    output=_BERT_LAYER.output,
    output_norm=_BERT_LAYER.output_norm,
)
_DISTILBERT_LAYER = PostNormLayer(
    scores=("attention.q_lin", "attention.k_lin"),
    values=("attention.v_lin",),
    attention_output="attention.out_lin",
    attention_norm="sa_layer_norm",
    output="ffn.lin2",
    output_norm="output_layer_norm",
)
_BERT = Family(
    layers="encoder.layer",
    head=("bert.pooler", "classifier"),
    final_linear="classifier",
    dense="bert.pooler.dense",
    activation="tanh",
    layer=_BERT_LAYER,
    attention_by_registry=True,
)
_ROBERTA = Family(
    layers="encoder.layer",
    head=("classifier",),
    final_linear="classifier.out_proj",
    dense="classifier.dense",
    activation="tanh",
    layer=_BERT_LAYER,
    attention_by_registry=True,
)
_DEBERTA = Family(
    layers="encoder.layer",
    head=("pooler", "classifier"),
    final_linear="classifier",
    dense="pooler.dense",
    activation="pooler_hidden_act",
    activation_is_free=True,
    only_whole="its layers pass relative positions on beside their states",
)

FAMILIES: dict[str, Family] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": Family(
        layers="transformer.layer",
        head=("pre_classifier", "classifier"),
        final_linear="classifier",
        dense="pre_classifier",
        activation="relu",
        layer=_DISTILBERT_LAYER,
        attention_by_registry=True,
    ),
    "albert": Family(
        layers="encoder.albert_layer_groups",
        head=("albert.pooler", "classifier"),
        final_linear="classifier",
        dense="albert.pooler",
        activation="tanh",
        only_whole="it applies one layer many times",
    ),
    "electra": Family(
        layers="encoder.layer",
        head=("classifier",),
        final_linear="classifier.out_proj",
        dense="classifier.dense",
        activation="gelu",
        layer=_BERT_LAYER,
        attention_by_registry=True,
    ),
    "deberta": _DEBERTA,
    "deberta-v2": Family(
        layers=_DEBERTA.layers,
        head=_DEBERTA.head,
        final_linear=_DEBERTA.final_linear,
        dense=_DEBERTA.dense,
        activation=_DEBERTA.activation,
        activation_is_free=True,
        layer=_DEBERTA_V2_LAYER,
        only_whole=_DEBERTA.only_whole,
    ),
    "modernbert": Family(
        layers="layers",
        head=("head", "classifier"),
        final_linear="classifier",
        dense="head.dense",
        activation="classifier_activation",
        activation_is_free=True,
        pooling=(("mean", "mean"), ("cls", "cls")),
        final_norm="final_norm",
        head_norm="head.norm",
        tied_to_depth=("layer_types",),
        attention_by_registry=True,
    ),
    "eurobert": Family(
        layers="layers",
        head=("dense", "classifier"),
        final_linear="classifier",
        dense="dense",
        activation="gelu",
        pooling=(("mean", "mean"), ("cls", "bos")),
        final_norm="norm",
        attention_by_registry=True,
    ),
    "longformer": Family(
        layers="encoder.layer",
        head=("classifier",),
        final_linear="classifier.out_proj",
        dense="classifier.dense",
        activation="tanh",
        layer=_LONGFORMER_LAYER,
        tied_to_depth=("attention_window",),
    ),
    "big_bird": Family(
        layers="encoder.layer",
        head=("classifier",),
        final_linear="classifier.out_proj",
        dense="classifier.dense",
        activation="hidden_act",
        layer=_BERT_LAYER,
        unused=("bert.pooler",),
        only_whole="its attention depends on a batch's length",
    ),
    "mpnet": Family(
        layers="encoder.layer",
        head=("classifier",),
        final_linear="classifier.out_proj",
        dense="classifier.dense",
        activation="tanh",
        # The position bias is added to the scores from outside the layer, so no layer can be made to average.
        unused=("mpnet.pooler",),
    ),
}


EXTRACTIVE = "ForExtractiveSummarization"
"""How the names of networks end that score sentences (extractive.py)."""

SENTENCE_HEAD = "sentence_head"
"""What such a network calls all that is new in it."""


def family(model: "PreTrainedModel") -> Family:
    """The table's entry for a model; of one that scores sentences, with its head in the place of a classifier's.

    Raises:
        ConfigError: the model's type is not in the table.
    """
    model_type = str(model.config.model_type)
    if model_type not in FAMILIES:
        raise ConfigError(unknown_family(model_type))
    found = FAMILIES[model_type]
    if scores_sentences(model):
        return replace(found, head=(SENTENCE_HEAD,), final_linear=f"{SENTENCE_HEAD}.score", unused=())
    return found


def scores_sentences(model: "PreTrainedModel") -> bool:
    """Whether this is a network for extractive summarisation."""
    return type(model).__name__.endswith(EXTRACTIVE)


def unknown_family(model_type: str) -> str:
    """Word the error for a model type that is not in the table."""
    return f"Model type {model_type!r} is not an encoder family known here. Families: {', '.join(FAMILIES)}."


def is_known_classifier(model: "PreTrainedModel") -> bool:
    """Whether the table describes this network: a sequence classifier of one of its families."""
    return str(model.config.model_type) in FAMILIES and type(model).__name__.endswith("ForSequenceClassification")


def has_known_head(model: "PreTrainedModel") -> bool:
    """Whether all of the table's entry describes this network: a classifier, or one that scores sentences."""
    return is_known_classifier(model) or (str(model.config.model_type) in FAMILIES and scores_sentences(model))


def is_known(model: "PreTrainedModel") -> bool:
    """Whether the encoder's part of the table describes this network: a masked language model, too."""
    masked = str(model.config.model_type) in FAMILIES and type(model).__name__.endswith("ForMaskedLM")
    return masked or has_known_head(model)


def plain_model(model: nn.Module) -> "PreTrainedModel":
    """The transformers model itself: out of the adapter that may be around it."""
    plain: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    return plain


def encoder_layers(model: "PreTrainedModel") -> nn.ModuleList:
    """The encoder's layers, lowest first (ALBERT: its groups of shared weights)."""
    layers = model.base_model.get_submodule(family(model).layers)
    assert isinstance(layers, nn.ModuleList)
    return layers


def head_modules(model: "PreTrainedModel") -> list[str]:
    """Names of the modules between the encoder's last state and the logits, poolers included."""
    return list(family(model).head)


def final_linear(model: "PreTrainedModel") -> tuple[str, nn.Linear]:
    """Name and module of the linear layer that makes the logits."""
    name = family(model).final_linear
    linear = model.get_submodule(name)
    assert isinstance(linear, nn.Linear)
    return name, linear


def logits_layer(model: "PreTrainedModel") -> nn.Module:
    """The module that makes the logits of the pooled features: `final_linear`, or an adapter's copy of it around it."""
    return model.get_submodule(family(model).final_linear)


def unused_parameters(model: "PreTrainedModel") -> list[str]:
    """Names of parameters that the logits do not depend on; training them under DDP would fail."""
    prefixes = tuple(f"{name}." for name in family(model).unused)
    return [name for name, _ in model.named_parameters() if prefixes and name.startswith(prefixes)]


def lora_targets(
    model: "PreTrainedModel", *, top_layers: int | None = None, names: Sequence[str] | None = None
) -> list[str]:
    """Names by which PEFT finds every linear layer of the encoder's layers that may still train.

    Adapters on all linear layers, not only on queries and values, are what matches full fine-tuning (QLoRA,
    https://arxiv.org/abs/2305.14314). Where a method before froze some layers, those get no adapter.

    Args:
        model: a classifier of a known family.
        top_layers: only in so many layers, counted from the top; None is in all.
        names: only those with these names, or ends of names; None is all.

    Raises:
        ConfigError: every layer is frozen.
    """
    layers = encoder_layers(model)
    lowest = 0 if top_layers is None else len(layers) - top_layers
    prefix = next(name for name, module in model.named_modules() if module is layers)
    linear = [
        (f"{prefix}.{index}.{name}", name, module.weight.requires_grad)
        for index, layer in enumerate(layers)
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear)
    ]
    if not any(free for _, _, free in linear):
        raise ConfigError("Every layer of the encoder is frozen, so an adapter has nothing to change. Remove a method.")
    if all(free for _, _, free in linear) and lowest == 0 and names is None:
        return list(dict.fromkeys(name for _, name, _ in linear))
    upper = tuple(f"{prefix}.{index}." for index in range(lowest, len(layers)))
    ends = None if names is None else tuple(f".{name}" for name in names)
    return [
        full
        for full, _, free in linear
        if free and full.startswith(upper) and (ends is None or f".{full}".endswith(ends))
    ]


def refuse_too_many_layers(key: str, wanted: int, model: "PreTrainedModel") -> None:
    """Refuse more layers than an encoder has.

    Args:
        key: the setting, for messages.
        wanted: its value.
        model: a classifier of a known family.

    Raises:
        ConfigError: names how many there are.
    """
    count, depth = len(encoder_layers(model)), int(model.config.num_hidden_layers)
    if wanted > count:
        shared = f" ({depth} layers share them)" if depth > count else ""
        kind = "groups of weights" if shared else "layers"
        raise ConfigError(
            f"{key} is {wanted}, but this {model.config.model_type} encoder has {count} {kind}{shared}. "
            f"Set it to {count} or less."
        )


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """(trainable, all) parameters, each tied weight counted once."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


def free_top(model: "PreTrainedModel", layers: Sequence[nn.Module]) -> None:
    """Let these layers train, which are the top ones, the norm after them, and the head; everything else is frozen."""
    modules = [*layers, *(model.get_submodule(name) for name in family(model).head)]
    final_norm = family(model).final_norm
    if final_norm is not None and layers:
        modules.append(model.base_model.get_submodule(final_norm))
    free(model, modules)


def free(model: "PreTrainedModel", modules: Iterable[nn.Module]) -> None:
    """Let only these modules train; everything else, and what the logits do not depend on, is frozen."""
    model.requires_grad_(False)
    for module in modules:
        module.requires_grad_(True)
    unused = set(unused_parameters(model))
    for name, parameter in model.named_parameters():
        if name in unused:
            parameter.requires_grad_(False)
