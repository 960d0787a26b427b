"""Load encoder-decoders of transformers, or start a decoder from an encoder.

A BERT-family encoder initialises both sides (BERT2BERT); the attention between them, and mostly the layer before the
vocabulary's scores, are new. With shared weights both sides are one set of layers. The network is a plain
`EncoderDecoderModel`.
Reference: Rothe et al. (2020), https://arxiv.org/abs/1907.12461
"""

import copy
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
    PreTrainedConfig,
)

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.files.resolve import origin_of
from nlp_transfer.models.loading import (
    LoadedModel,
    max_positions,
    missing_names,
    random_parameters_note,
    read_config,
    read_weights,
)
from nlp_transfer.models.reference import ModelReference

DECODERS = ("bert", "roberta", "xlm-roberta", "camembert", "electra")
"""Families whose decoder in transformers attends to an encoder. BigBird's attends to padding and is left out."""


class SpecialTokens(NamedTuple):
    """Hold the ids of the tokens that begin a text, end it and fill a batch; None for those that a tokenizer lacks."""

    begins: int | None
    ends: int | None
    fills: int | None


def load_encoder_decoder(
    reference: ModelReference, *, special_tokens: SpecialTokens, share_weights: bool = False
) -> LoadedModel:
    """Load a pretrained encoder-decoder, or make one from a pretrained encoder.

    Args:
        share_weights: make encoder and decoder one set of layers, for a model made from an encoder.
    """
    name = reference.model
    folder, config = read_config(reference)
    if config.is_encoder_decoder:
        if share_weights:
            raise ConfigError(
                f"task.share_weights is on, and {name} is a {config.model_type} with a decoder of its own. Leave it "
                "out, or name an encoder."
            )
        return _pretrained(reference, folder, config)
    if config.model_type not in DECODERS:
        raise ConfigError(
            f"model: {name}: transformers has no decoder of the family {config.model_type}, so this encoder cannot "
            f"start one. Families that can: {', '.join(DECODERS)}; or name a model that writes (T5, BART, …)."
        )
    model, new = _composed(reference, folder, config)
    begins, ends, fills = special_tokens
    if begins is None or ends is None or fills is None:
        raise ConfigError(
            f"model: {name}: its tokenizer lacks a token that begins a text, one that ends it (cls_token and sep_token,"
            " or bos_token and eos_token) or one that fills a batch (pad_token), so no decoder can be started from it."
        )
    ids = {"decoder_start_token_id": begins, "bos_token_id": begins, "eos_token_id": ends, "pad_token_id": fills}
    model.config.update({**ids, "vocab_size": config.vocab_size})
    model.generation_config = GenerationConfig(**ids)
    notes = [
        f"A decoder was started from the encoder; {len(new)} of its parameters are new, such as its attention to the "
        "encoder's states."
    ]
    if share_weights:
        _tie_decoder(model)
        notes.append("Encoder and decoder share their weights.")
    return LoadedModel(model, new, origin_of(name, folder), max_positions(config), tuple(notes))


def _pretrained(reference: ModelReference, folder: Path, config: PreTrainedConfig) -> LoadedModel:
    model, info = read_weights(AutoModelForSeq2SeqLM, reference, folder, config)
    lost = missing_names(info)
    new = tuple(key for key, _ in model.named_parameters() if key in lost)
    if model.config.decoder_start_token_id is None:
        raise ConfigError(
            f"model: {reference.model}: its config.json does not say with which token a summary begins "
            "(decoder_start_token_id), so it cannot write. Was it ever trained to?"
        )
    notes = (random_parameters_note(lost),) if lost else ()
    return LoadedModel(model, new, origin_of(reference.model, folder), positions(config, "encoder"), notes)


def _composed(
    reference: ModelReference, folder: Path, config: PreTrainedConfig
) -> tuple[EncoderDecoderModel, tuple[str, ...]]:
    """Return an encoder and a decoder from one folder, and the names of parameters that it does not hold."""
    of_decoder = copy.deepcopy(config)
    of_decoder.is_decoder = of_decoder.add_cross_attention = True
    encoder, info = read_weights(AutoModel, reference, folder, config)
    missing = {key for key in info["missing_keys"] if "pooler" not in key}
    if missing:
        raise ConfigError(
            f"model: {reference.model}: its weights lack {len(missing)} of the encoder's parameters "
            f"({sorted(missing)[0]}, …). Name the folder of the encoder itself."
        )
    decoder, info = read_weights(AutoModelForCausalLM, reference, folder, of_decoder)
    composed = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config)
    model = EncoderDecoderModel(config=composed, encoder=encoder, decoder=decoder)
    # What is tied is not new; and the bias of the vocabulary's scores starts at zero, where an adapter may leave it.
    fixed = {id(model.decoder.get_input_embeddings().weight), id(getattr(model.get_output_embeddings(), "bias", None))}
    fresh = {f"decoder.{key}" for key in info["missing_keys"]}
    new = tuple(key for key, value in model.named_parameters() if key in fresh and id(value) not in fixed)
    return model, new


def set_generation(model: Any, **settings: Any) -> None:
    """Set the generation config of a network, which is saved with it; other settings of its own stay."""
    config = model.generation_config
    config.max_length = config.min_length = None  # they would raise warnings with ours
    config.update(**{**settings, "min_new_tokens": settings["min_new_tokens"] or None})


def _tie_decoder(model: Any) -> None:
    """Replace the decoder's weights by those of the encoder, except weights that the encoder lacks."""
    base, of_encoder = model.decoder.base_model, dict(model.encoder.named_parameters(remove_duplicate=False))
    for name in [name for name, _ in base.named_parameters() if name in of_encoder]:
        owner, _, leaf = name.rpartition(".")
        setattr(base.get_submodule(owner), leaf, of_encoder[name])
    model.decoder.tie_weights()


def shares_weights(model: nn.Module) -> bool:
    """Return True if both sides of a network are one set of layers."""
    return isinstance(model, EncoderDecoderModel) and (
        model.encoder.get_input_embeddings().weight is model.decoder.get_input_embeddings().weight
    )


def check_separate_weights(model: nn.Module) -> None:
    """Raise `ConfigError` for an adapter on a network with shared weights, which each side would change differently."""
    if shares_weights(model):
        raise ConfigError(
            "task.share_weights is on, and an adapter would change what encoder and decoder share for each of them "
            "apart. Take full_fine_tuning, or leave share_weights out."
        )


def separate_weights(model: nn.Module) -> dict[str, Tensor] | None:
    """Return the state of a network with shared weights, separate for each side; None without shared weights."""
    if not shares_weights(model):
        return None
    return {name: value.clone() if name.startswith("encoder.") else value for name, value in model.state_dict().items()}


def positions(config: PreTrainedConfig, side: str) -> int | None:
    """Return the maximum number of tokens of a side, `encoder` or `decoder`; None for relative positions."""
    own = getattr(config, side, config)
    value = getattr(own, f"max_{side}_position_embeddings", None)
    if value is None and getattr(own, "max_position_embeddings", None) is not None:
        value = max_positions(own)
    return value
