"""Damaged model folders: one error that names file and key, before memory is taken."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from nlp_transfer.errors import CheckpointError, ConfigError, NLPTransferError
from nlp_transfer.models.extractive_config import OUTPUTS
from nlp_transfer.models.files.validate import check_safe
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from nlp_transfer.tasks import saved_models
from tests.tiny_runs import tiny_encoder

LABELS = ["copyleft", "permissive", "public"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A saved classifier without a manifest, as a user may have changed it."""
    encoder = tiny_encoder(tmp_path_factory.mktemp("encoder"))
    folder = tmp_path_factory.mktemp("whole") / "model"
    labels = dict(enumerate(LABELS))
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3, id2label=labels)
    saved_models.save(model, AutoTokenizer.from_pretrained(encoder), folder, record={"max_length": 32}, cut_at=32)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "model"))


def change(folder, file, *path, to):
    """Set one value of a JSON file."""
    tree = json.loads((folder / file).read_text())
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = to
    (folder / file).write_text(json.dumps(tree))


def test_the_whole_one_loads(folder):
    assert saved_models.load(folder).label_names == LABELS


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("hidden_size", 10**9, "config.json: hidden_size is 1000000000; expected a whole number from 1 to 65,536."),
        ("hidden_size", 0, "config.json: hidden_size is 0; expected a whole number from 1 to 65,536."),
        ("hidden_size", 60_000, "config.json: hidden_size is 60,000, and no tensor of the weights has that size."),
        ("vocab_size", -1, "config.json: vocab_size is -1; expected a whole number from 1 to 10,000,000."),
        (
            "num_hidden_layers",
            10**9,
            "config.json: num_hidden_layers is 1000000000; expected a whole number from 1 to 1,000.",
        ),
        ("num_attention_heads", -1, "config.json: num_attention_heads is -1; expected a whole number from 1 to 1,000."),
        ("intermediate_size", "x", "config.json: intermediate_size is 'x'; expected a whole number"),
        ("hidden_dropout_prob", 1.5, "config.json: hidden_dropout_prob is 1.5; expected 0 to 1."),
        ("pad_token_id", -1, "config.json: pad_token_id is -1; expected a number from 0 to below vocab_size (100)."),
        ("pad_token_id", 100, "config.json: pad_token_id is 100; expected a number from 0 to below vocab_size (100)."),
        ("id2label", "x", "config.json: id2label is 'x'; expected a name by number"),
        ("id2label", {"x": "a"}, "config.json: id2label is {'x': 'a'}; expected a name by number"),
        ("nlp_transfer", [], "config.json: nlp_transfer is []; expected what a run recorded, an object."),
        (
            "nlp_transfer",
            {"max_length": None},
            "config.json: nlp_transfer.max_length is None; expected a number of tokens",
        ),
        (
            "nlp_transfer",
            {"class_frequencies": [0.5, 1.5]},
            "config.json: nlp_transfer.class_frequencies is [0.5, 1.5]; expected shares of classes, 0 to 1.",
        ),
        (
            "nlp_transfer",
            {"thresholds": [0.5]},
            "config.json: nlp_transfer.thresholds is [0.5]; expected a probability by",
        ),
        (
            "nlp_transfer",
            {"thresholds": {"public": float("nan"), "copyleft": 0.5, "permissive": 0.5}},
            "config.json: nlp_transfer.thresholds.public is nan; expected a probability, 0 to 1.",
        ),
        (
            "nlp_transfer",
            {"thresholds": {"public": 0.5, "copyleft": 0.5}},
            "thresholds and id2label name different labels (permissive); expected one threshold for each.",
        ),
        ("num_labels", 2 * 10**6, "config.json: num_labels is 2000000; expected a whole number from 1 to 1,000,000."),
        ("num_labels", -1, "config.json: num_labels is -1; expected a whole number from 1 to 1,000,000."),
        ("type_vocab_size", 10**9, "config.json: type_vocab_size is 1000000000; expected a whole number from 0 to 1,0"),
        ("hidden_act", "x", "config.json: hidden_act is 'x'; expected one of gelu, "),
        ("dtype", "float99", "config.json: dtype is 'float99'; expected one of float64, float32, float16, bfloat16, a"),
        ("dtype", "int8", "config.json: dtype is 'int8'; expected one of float64"),
        ("dtype", 7, "config.json: dtype is 7; expected one of float64"),
        ("problem_type", "x", "config.json: problem_type is 'x'; expected one of regression, single_label_classificat"),
        ("initializer_range", math.nan, "config.json: initializer_range is nan; expected 0 or more."),
        ("initializer_range", -1, "config.json: initializer_range is -1; expected 0 or more."),
        ("layer_norm_eps", -1.0, "config.json: layer_norm_eps is -1.0; expected 0 to 1."),
        ("layer_norm_eps", math.nan, "config.json: layer_norm_eps is nan; expected 0 to 1."),
        ("rope_theta", math.inf, "config.json: rope_theta is inf; expected a finite number."),
        ("id2label", {"0": 1}, "config.json: id2label names a label 1; expected a word."),
        ("is_decoder", True, "config.json: is_decoder is true, as in a decoder; expected false"),
        ("add_cross_attention", True, "config.json: add_cross_attention is true, as in a decoder; expected false"),
        ("layer_norm_eps", "x", "its config.json cannot be read: Validation error for field 'layer_norm_eps'"),
    ],
)
def test_a_value_that_no_network_can_have(folder, key, value, message):
    change(folder, "config.json", key, to=value)
    loads = {
        "predict": lambda: saved_models.load(folder),
        "train": lambda: load_encoder_with_head(ModelReference(str(folder)), label_names=LABELS),
    }
    if (key, value) == ("layer_norm_eps", "x"):
        del loads["train"]
    for load in loads.values():
        with pytest.raises(NLPTransferError) as caught:
            load()
        assert message in str(caught.value)
        assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"0": "a", "2": "b"}, "id2label numbers its labels 0, 2; expected 0, 1, 2, …"),
        ({"1": "a", "2": "b", "3": "c"}, "id2label numbers its labels 1, 2, 3; expected 0, 1, 2, …"),
        ({"0": "a", "1": "b", "2": "a"}, "id2label gives the name 'a' to several labels; expected each once."),
        ({"0": "a", "1": "", "2": "c"}, "id2label names a label ''; expected a word."),
        ({"0": ["a"], "1": "b", "2": "c"}, "id2label names a label ['a']; expected a word."),
        ({}, "id2label numbers its labels not at all; expected 0, 1, 2, …"),
        (
            {"0": "a", "1": "b"},
            "classifier.bias has the shape [3], and sizes or labels, id2label, say [2]; 2 such tensors).",
        ),
    ],
)
def test_labels_with_gaps_or_repeated_names(folder, labels, message):
    change(folder, "config.json", "id2label", to=labels)
    with pytest.raises(CheckpointError) as caught:
        saved_models.load(folder)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("kind", [torch.int64, torch.int8, torch.bool])
def test_weights_of_whole_numbers(folder, kind):
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["classifier.weight"] = weights["classifier.weight"].to(kind)
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"model\.safetensors: classifier\.weight is of type \w+; expected F64, F32,"
    ):
        saved_models.load(folder)


def test_positions_of_old_checkpoints_may_be_whole_numbers(folder):
    file = folder / "model.safetensors"
    save_file({**load_file(file), "bert.embeddings.position_ids": torch.arange(80)[None]}, file, {"format": "pt"})
    assert saved_models.load(folder).label_names == LABELS


def test_a_token_without_an_embedding(folder):
    change(folder, "tokenizer.json", "model", "vocab", "use", to=1000)
    with pytest.raises(CheckpointError) as caught:
        saved_models.load(folder)
    assert "its tokenizer gives 'use' the number 1,000, and the model has embeddings for 100 tokens" in str(
        caught.value
    )


def test_a_folder_whose_name_is_not_utf8(folder):
    other = folder.rename(folder.with_name(os.fsdecode(b"b\xe9")))
    with pytest.raises(
        CheckpointError, match=r"the name '.*b\\udce9' is not UTF-8, as files are written here\. Rename it"
    ):
        saved_models.load(other)
    with pytest.raises(ConfigError, match=r"^model: the name '.*b\\udce9' is not UTF-8"):
        load_encoder_with_head(ModelReference(str(other)), label_names=LABELS)


def test_an_empty_name_is_no_folder():
    with pytest.raises(CheckpointError, match=r"The model's name is empty; expected a run's folder"):
        saved_models.load("")
    with pytest.raises(ConfigError, match="model is empty; expected a folder, a Hub id"):
        load_encoder_with_head(ModelReference(""), label_names=LABELS)


def test_a_length_that_is_no_number(folder):
    change(folder, "tokenizer_config.json", "model_max_length", to="long")
    for wrong in ("long", None):
        change(folder, "tokenizer_config.json", "model_max_length", to=wrong)
        said = rf"tokenizer_config\.json: model_max_length is {wrong!r}; expected a number"
        with pytest.raises(CheckpointError, match=said):
            saved_models.load(folder)


OTHER_OUTPUTS = {
    "return_dict": False,
    "output_attentions": True,
    "output_hidden_states": True,
    "chunk_size_feed_forward": 1_000,
}


@pytest.mark.parametrize("key", OUTPUTS)
def test_settings_of_outputs_change_nothing(folder, key):
    inputs = {"input_ids": torch.tensor([[2, 5, 3]])}
    expected = saved_models.load(folder).model(**inputs)
    change(folder, "config.json", key, to=OTHER_OUTPUTS[key])
    found = saved_models.load(folder).model(**inputs)
    assert list(found) == list(expected) == ["logits"]
    assert torch.equal(found.logits, expected.logits)
    trained = load_encoder_with_head(ModelReference(str(folder)), label_names=LABELS).model
    assert list(trained.eval()(**inputs)) == ["logits"]


FORMS = [
    (b"", "is no JSON file in UTF-8 (Expecting value: line 1 column 1 (char 0)). Take the file anew"),
    (b'{"a":', "is no JSON file in UTF-8 (Expecting value: line 1 column 6 (char 5))"),
    (b"\x80\x00", "is no JSON file in UTF-8 ('utf-8' codec can't decode byte 0x80 in position 0"),
    (b"\xef\xbb\xbf{}", "is no JSON file in UTF-8 (Unexpected UTF-8 BOM"),
    ("{}".encode("utf-16"), "is no JSON file in UTF-8 ('utf-8' codec can't decode"),
    (b"null", "holds null; expected a JSON object, {…}. Take the file anew from where the model came from."),
    (b"[]", "holds []; expected a JSON object, {…}."),
    (b'"x"', 'holds "x"; expected a JSON object, {…}.'),
]


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json", "added_tokens.json"])
@pytest.mark.parametrize(("content", "message"), FORMS)
def test_a_file_that_holds_no_object(folder, file, content, message):
    (folder / file).write_bytes(content)
    for load in (lambda name: load_tokenizer(ModelReference(name)), saved_models.load):
        with pytest.raises(CheckpointError) as caught:
            load(str(folder))
        assert f"{folder / file} {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", {}, "its tokenizer.json cannot be read: Model missing."),
        ("tokenizer.json", {"added_tokens": 3}, "its tokenizer.json cannot be read: invalid type: integer `3`"),
        ("added_tokens.json", {"a": "b"}, "added_tokens.json: 'a' is 'b'; expected the token's number, 0 or more."),
        ("special_tokens_map.json", {"cls_token": 3}, "tokenizer_config.json, special_tokens_map.json) cannot be read"),
        ("tokenizer_config.json", {"model_max_length": 0}, "tokenizer_config.json: model_max_length is 0; expected"),
        ("tokenizer_config.json", {"model_max_length": -1}, "tokenizer_config.json: model_max_length is -1; expected"),
        (
            "tokenizer_config.json",
            {"model_max_length": 2},
            "model_max_length in its tokenizer_config.json is 2, of which 2 are special tokens; expected room for a",
        ),
    ],
)
def test_a_tokenizer_file_at_fault_is_named(folder, file, content, message):
    whole = json.loads((folder / file).read_text()) if file == "tokenizer_config.json" else {}
    (folder / file).write_text(json.dumps({**whole, **content}))
    for load in (lambda name: load_tokenizer(ModelReference(name)), saved_models.load):
        with pytest.raises(NLPTransferError) as caught:
            load(str(folder))
        assert message in str(caught.value)
        assert str(folder) in str(caught.value)


def test_no_vocabulary_at_all(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"its tokenizer files are missing \(tokenizer\.json, vocab\.txt or "):
        load_tokenizer(ModelReference(str(folder)))


def test_a_vocabulary_of_two_words(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "of"]))
    message = r"files are missing or cut, for it has 7 tokens, 5 of them special\. Copy tokenizer\.json, vocab\.txt or "
    with pytest.raises(ConfigError, match=message):
        load_tokenizer(ModelReference(str(folder)))


def test_a_folder_without_config_is_not_walked(tmp_path, monkeypatch):
    def walk(*_, **__):
        raise AssertionError("the folder was walked")

    (tmp_path / "notes.txt").write_text("")
    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(ConfigError, match=r"has no config\.json; it holds notes\.txt\. Expected a saved encoder\."):
        load_tokenizer(ModelReference(str(tmp_path)))
    with pytest.raises(ConfigError, match=r"has no config\.json; it holds notes\.txt\. Expected a saved encoder\."):
        load_encoder_with_head(ModelReference(str(tmp_path)), label_names=LABELS)
    with pytest.raises(CheckpointError, match=r"holds no trained model: there is no config\.json"):
        saved_models.load(tmp_path)


def test_a_message_lists_few_files_of_many(tmp_path):
    for i in range(50):
        (tmp_path / f"{i:02}.txt").write_text("")
    with pytest.raises(ConfigError, match=r"it holds 00\.txt, .*, 39\.txt and 10 more\. Expected"):
        load_tokenizer(ModelReference(str(tmp_path)))


OLD_CONFIGS = [
    {"model_type": "bert", "finetuning_task": None, "torchscript": False, "is_decoder": False, "eos_token_ids": 0}
    | {"num_labels": 2, "_num_labels": 2, "pruned_heads": {}, "directionality": "bidi", "output_past": True},
    {"model_type": "deberta-v2", "type_vocab_size": 0, "max_relative_positions": -1, "layer_norm_eps": 1e-7}
    | {"pooler_dropout": 0, "pooler_hidden_act": "gelu", "pos_att_type": "p2c|c2p", "position_buckets": 256},
    {"model_type": "electra", "summary_activation": "gelu", "summary_last_dropout": 0.1, "summary_type": "first"},
    {"model_type": "distilbert", "activation": "gelu", "tie_weights_": True, "seq_classif_dropout": 0.2},
    {"model_type": "xlm-roberta", "torch_dtype": "torch.float16", "problem_type": None}
    | {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1"}},
    {"model_type": "albert", "hidden_act": "gelu_new", "gap_size": 0, "net_structure_type": 0, "torch_dtype": None},
    {"model_type": "longformer", "attention_window": [512, 512], "initializer_range": 0.02, "sep_token_id": 2},
]


@pytest.mark.parametrize("config", OLD_CONFIGS, ids=lambda config: config["model_type"])
def test_what_old_models_hold_is_taken(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30, "do_lower_case": True}))
    check_safe(tmp_path)
