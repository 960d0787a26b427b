"""Encoders that start a decoder, encoder-decoders by their names, and what both need to write."""

import copy
from itertools import pairwise

import pytest
import torch
from transformers import AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedTokenizerFast

from nlp_transfer.data.encoding.sentence_windows import marker_ids
from nlp_transfer.errors import ConfigError
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.heads.encoder_decoder import (
    DECODERS,
    SpecialTokens,
    load_encoder_decoder,
    positions,
    separate_weights,
    set_generation,
    shares_weights,
)
from nlp_transfer.models.reference import ModelReference
from tests.tiny_models import FAMILIES, MORE_FAMILIES, tiny_checkpoint
from tests.tiny_runs import tiny_encoder
from tests.tiny_writers import tiny_writer

IDS = torch.tensor([[2, 7, 8, 9, 3, 1], [2, 9, 3, 1, 1, 1]])
MASK = (IDS != 1).long()
WRITTEN = torch.tensor([[2, 8, 9], [2, 7, 3]])


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(tiny_encoder(tmp_path_factory.mktemp("encoder")))


def load(folder, tokenizer, **changes):
    tokens = SpecialTokens(*marker_ids(tokenizer), tokenizer.pad_token_id)
    return load_encoder_decoder(ModelReference(str(folder)), special_tokens=tokens, **changes)


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=IDS, attention_mask=MASK, decoder_input_ids=WRITTEN).logits


@pytest.mark.parametrize("kind", DECODERS)
def test_an_encoder_starts_both_sides(kind, tokenizer, tmp_path):
    folder = tiny_checkpoint(kind, tmp_path / "encoder")
    loaded = load(folder, tokenizer)
    model = loaded.model
    encoder = AutoModel.from_pretrained(folder)
    known = dict(encoder.named_parameters())
    for side in (model.encoder, model.decoder.base_model):
        for name, parameter in side.named_parameters():
            if "pooler" not in name and "crossattention" not in name:
                assert torch.equal(parameter, known[name]), name
    assert [name for name in loaded.new_parameters if "crossattention" in name]
    assert all(name.startswith("decoder.") for name in loaded.new_parameters)
    assert not any(
        torch.equal(dict(model.named_parameters())[name], value)
        for name, value in known.items()
        if name in loaded.new_parameters
    )
    assert loaded.notes[0].startswith(f"A decoder was started from the encoder; {len(loaded.new_parameters)} of its ")
    assert logits(model).shape == (2, 3, model.config.decoder.vocab_size)
    # Each new token sees only what was written before, and the masked tokens of the text are not seen.
    changed = copy.deepcopy(WRITTEN)
    changed[:, 2] = 5
    with torch.no_grad():
        other = model(input_ids=IDS, attention_mask=MASK, decoder_input_ids=changed).logits
        filled = model(input_ids=IDS.masked_fill(MASK == 0, 6), attention_mask=MASK, decoder_input_ids=WRITTEN).logits
    torch.testing.assert_close(other[:, :2], logits(model)[:, :2])
    torch.testing.assert_close(filled, logits(model))


def test_the_special_tokens_are_set_in_both_configs(tokenizer, tmp_path):
    model = load(tiny_checkpoint("bert", tmp_path), tokenizer).model
    for config in (model.config, model.generation_config):
        found = [getattr(config, f"{name}_token_id") for name in ("decoder_start", "bos", "eos", "pad")]
        assert found == [tokenizer.cls_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id]
    assert model.config.vocab_size == model.config.decoder.vocab_size


@pytest.mark.parametrize("share", [False, True])
def test_what_is_saved_loads_as_a_plain_network(share, tokenizer, tmp_path):
    model = load(tiny_checkpoint("bert", tmp_path / "encoder"), tokenizer, share_weights=share).model
    assert shares_weights(model) == share
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    model.save_pretrained(tmp_path / "saved", state_dict=separate_weights(model))
    again, info = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert torch.equal(logits(model), logits(again))
    written = model.generate(input_ids=IDS, attention_mask=MASK, max_new_tokens=5)
    assert torch.equal(written, again.generate(input_ids=IDS, attention_mask=MASK, max_new_tokens=5))


def test_shared_weights_are_one_set_and_learn_from_both_sides(tokenizer, tmp_path):
    folder = tiny_checkpoint("bert", tmp_path)
    two, one = (load(folder, tokenizer, share_weights=share).model for share in (False, True))
    shared = sum(p.numel() for name, p in two.encoder.named_parameters() if "pooler" not in name)
    assert count_parameters(two)[1] - count_parameters(one)[1] == shared
    assert separate_weights(two) is None
    weight = one.encoder.encoder.layer[0].attention.self.query.weight
    assert one.decoder.bert.encoder.layer[0].attention.self.query.weight is weight
    assert one.decoder.get_output_embeddings().weight is one.encoder.get_input_embeddings().weight
    loss = one(input_ids=IDS, attention_mask=MASK, decoder_input_ids=WRITTEN, labels=WRITTEN).loss
    from_both = torch.autograd.grad(loss, weight)[0]
    states = one.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state.detach()
    loss = one(encoder_outputs=(states,), attention_mask=MASK, decoder_input_ids=WRITTEN, labels=WRITTEN).loss
    from_decoder = torch.autograd.grad(loss, weight)[0]
    assert (from_both - from_decoder).abs().max() > 1e-6
    assert from_decoder.abs().max() > 1e-6


@pytest.mark.parametrize("kind", ["t5", "bart", "bert2bert"])
def test_an_encoder_decoder_is_taken_as_it_is(kind, tokenizer, tmp_path):
    made = tiny_writer(kind)
    made.save_pretrained(tmp_path)
    loaded = load(tmp_path, tokenizer)
    assert type(loaded.model) is type(made)
    assert loaded.new_parameters == ()
    assert torch.equal(logits(loaded.model), logits(made))
    assert loaded.max_positions == {"t5": None, "bart": 80, "bert2bert": 80}[kind]
    with pytest.raises(ConfigError, match=r"task\.share_weights is on, and .* with a decoder of its own"):
        load(tmp_path, tokenizer, share_weights=True)


@pytest.mark.parametrize("kind", [kind for kind in (*FAMILIES, *MORE_FAMILIES) if kind not in DECODERS])
def test_a_family_without_a_decoder_is_refused_in_words(kind, tokenizer, tmp_path):
    with pytest.raises(ConfigError, match=rf"no decoder of the family {kind}, .*Families that can: bert, roberta"):
        load(tiny_checkpoint(kind, tmp_path), tokenizer)


def test_a_network_that_does_not_know_how_a_summary_begins_is_refused(tokenizer, tmp_path):
    model = tiny_writer("t5")
    model.config.decoder_start_token_id = None
    model.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"does not say with which token a summary begins"):
        load(tmp_path, tokenizer)


def test_a_tokenizer_without_the_tokens_is_refused(tokenizer, tmp_path):
    bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, unk_token="[UNK]", pad_token="[PAD]")
    with pytest.raises(ConfigError, match=r"its tokenizer lacks a token that begins a text"):
        load(tiny_checkpoint("bert", tmp_path), bare)


def test_how_it_writes_is_saved_with_it(tokenizer, tmp_path):
    model = load(tiny_checkpoint("bert", tmp_path / "encoder"), tokenizer).model
    set_generation(model, max_new_tokens=6, min_new_tokens=4, num_beams=2, length_penalty=0.5, no_repeat_ngram_size=2)
    model.save_pretrained(tmp_path / "saved")
    again = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "saved")
    config = again.generation_config
    assert (config.max_new_tokens, config.min_new_tokens, config.num_beams) == (6, 4, 2)
    assert (config.length_penalty, config.no_repeat_ngram_size) == (0.5, 2)
    written = again.generate(input_ids=IDS, attention_mask=MASK)
    assert 5 <= written.shape[1] <= 7
    for row in written.tolist():
        ended = row.index(3) if 3 in row else len(row)
        pairs = list(pairwise(row[:ended]))
        assert len(pairs) == len(set(pairs))  # no_repeat_ngram_size


def test_positions_of_each_side():
    assert positions(tiny_writer("bart").config, "decoder") == 80
    assert positions(tiny_writer("t5").config, "encoder") is None
    model = tiny_writer("bert2bert")
    model.config.decoder.max_position_embeddings = 40
    assert (positions(model.config, "encoder"), positions(model.config, "decoder")) == (80, 40)
