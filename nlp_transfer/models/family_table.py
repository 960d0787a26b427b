"""Describe encoder families by the names of their layers, head and pooling, by `config.model_type`.

A new family is one new entry. ALBERT applies one layer many times: its "layers" here are its groups of weights, mostly
one. BigBird builds a pooler that no classifier reads: it is unused, so that nothing trains or saves it.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PostNormLayer:
    """Name the modules of a layer that normalises after each residual sum; such a layer can average tokens."""

    scores: tuple[str, ...]
    values: tuple[str, ...]
    attention_output: str
    attention_norm: str
    output: str
    output_norm: str


@dataclass(frozen=True)
class Family:
    """Name the modules of one family's `…ForSequenceClassification`.

    Args:
        layers: the encoder's list of layers, relative to the encoder.
        head: the modules between the encoder's last state and the logits, in the order of the forward pass.
        dense: the head's linear layer before its activation.
        activation: `tanh`, `gelu` or `relu` if the code fixes the head's activation, else the config key that names it.
        activation_is_free: that key names nothing else, so that it may be set to `linear`.
        layer: names inside a post-norm layer; None if a layer cannot be made to average.
        pooling: value of `config.classifier_pooling` by pooling, if the family pools by itself.
        head_norm: the norm between the head's activation and the final linear layer.
        tied_to_depth: config keys that hold one entry a layer.
        attention_by_registry: each layer attends through transformers' registry, and all else in it is token by token.
        only_whole: reason why its upper layers cannot start from stored states; empty if they can.
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
_LONGFORMER_LAYER = replace(
    _BERT_LAYER,
    scores=(*_BERT_LAYER.scores, "attention.self.query_global", "attention.self.key_global"),
    values=(*_BERT_LAYER.values, "attention.self.value_global"),
)
_DEBERTA_V2_LAYER = replace(
    _BERT_LAYER,
    # With query and key at zero the position terms vanish too: each is a product with one of them.
    scores=("attention.self.query_proj", "attention.self.key_proj"),
    values=("attention.self.value_proj",),
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
_ROBERTA = replace(_BERT, head=("classifier",), final_linear="classifier.out_proj", dense="classifier.dense")
_DEBERTA = Family(
    layers="encoder.layer",
    head=("pooler", "classifier"),
    final_linear="classifier",
    dense="pooler.dense",
    activation="pooler_hidden_act",
    activation_is_free=True,
    only_whole="its layers pass relative positions on with their states",
)

FAMILIES: dict[str, Family] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": replace(
        _BERT,
        layers="transformer.layer",
        head=("pre_classifier", "classifier"),
        dense="pre_classifier",
        activation="relu",
        layer=_DISTILBERT_LAYER,
    ),
    "albert": Family(
        layers="encoder.albert_layer_groups",
        head=("albert.pooler", "classifier"),
        final_linear="classifier",
        dense="albert.pooler",
        activation="tanh",
        only_whole="it applies one layer many times",
    ),
    "electra": replace(_ROBERTA, activation="gelu"),
    "deberta": _DEBERTA,
    "deberta-v2": replace(_DEBERTA, layer=_DEBERTA_V2_LAYER),
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
    "longformer": replace(
        _ROBERTA, layer=_LONGFORMER_LAYER, tied_to_depth=("attention_window",), attention_by_registry=False
    ),
    "big_bird": replace(
        _ROBERTA,
        activation="hidden_act",
        unused=("bert.pooler",),
        attention_by_registry=False,
        only_whole="its attention depends on a batch's length",
    ),
    # MPNet adds its position bias to the scores from outside the layer, so no layer can be made to average.
    "mpnet": replace(_ROBERTA, layer=None, unused=("mpnet.pooler",), attention_by_registry=False),
}
