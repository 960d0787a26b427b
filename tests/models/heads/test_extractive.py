"""The network that scores sentences: what it reads, what it keeps, and how it comes back."""

import json
import math
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification

from nlp_transfer.methods import LoRA
from nlp_transfer.models.adapters import merge, saved_modules
from nlp_transfer.models.families import SENTENCE_HEAD, family
from nlp_transfer.models.heads.extractive import (
    NO_SENTENCE,
    POSITION_SCALE,
    AutoModelForExtractiveSummarization,
    load_extractive,
    register_models,
    sentence_means,
    sentence_positions,
)
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.speed.unpadding import unpadded
from tests.tiny_models import FAMILIES, MORE_FAMILIES, context, tiny_checkpoint, tiny_config

ALL = [*FAMILIES, *MORE_FAMILIES]


def loaded(model_type: str, folder: Path):
    torch.manual_seed(0)
    tiny_checkpoint(model_type, folder)
    return load_extractive(ModelReference(str(folder)))


def inputs():
    ids = torch.randint(5, 100, (2, 24), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 16:] = 0
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "markers": torch.tensor([[0, 6, 12], [0, 8, NO_SENTENCE]]),
        "numbers": torch.tensor([[4, 5, 6], [0, 1, 0]]),
        "labels": torch.tensor([[1, 0, -100], [0, 1, -100]]),
    }


@pytest.mark.parametrize("model_type", ALL)
def test_it_comes_back_as_it_was_and_gives_its_encoder_away(model_type, tmp_path):
    one = loaded(model_type, tmp_path / "encoder")
    model = one.model.eval()
    assert {name.partition(".")[0] for name in one.new_parameters} == {SENTENCE_HEAD}
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert family(model).head == (SENTENCE_HEAD,)
    assert saved_modules(model, one.new_parameters) == [SENTENCE_HEAD]
    expected = model(**inputs())
    model.save_pretrained(tmp_path / "saved")
    again = AutoModelForExtractiveSummarization.from_pretrained(tmp_path / "saved").eval()
    torch.testing.assert_close(again(**inputs()).logits, expected.logits, atol=1e-6, rtol=0)
    register_models()
    auto = AutoModel.from_pretrained(tmp_path / "saved").eval()
    torch.testing.assert_close(auto(**inputs()).logits, expected.logits, atol=1e-6, rtol=0)
    config = AutoConfig.from_pretrained(tmp_path / "saved")
    assert config.model_type == json.loads((tmp_path / "saved" / "config.json").read_text())["model_type"]
    assert config.model_type == f"extractive-{model.config.model_type}" == f"extractive-{model_type}"
    folder = str(tmp_path / "saved")
    classifier = load_encoder_with_head(ModelReference(folder), label_names=["a", "b"]).model
    assert type(classifier) is type(AutoModelForSequenceClassification.from_config(tiny_config(model_type)))
    states = classifier.base_model.state_dict()
    for name, weight in model.base_model.state_dict().items():
        torch.testing.assert_close(states[name], weight)
    next_run = load_extractive(ModelReference(str(tmp_path / "saved")))
    assert next_run.new_parameters == ()
    assert next_run.notes == ("The sentence layers of the run before are kept.",)


@pytest.mark.parametrize("auto_class", [AutoModelForSequenceClassification, AutoModelForTokenClassification])
def test_no_other_head_is_put_in_its_place(auto_class, tmp_path):
    model = loaded("bert", tmp_path / "encoder").model
    model.save_pretrained(tmp_path / "saved")
    register_models()
    with pytest.raises(
        ValueError, match=r"Unrecognized configuration class <class '.*ExtractiveBertConfig'> for this k"
    ):
        auto_class.from_pretrained(tmp_path / "saved")


def test_a_folder_of_its_familys_type_is_read_as_before(tmp_path):
    model = loaded("bert", tmp_path / "encoder").model.eval()
    model.save_pretrained(tmp_path / "saved")
    file = tmp_path / "saved" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "model_type": "bert"}))
    again = AutoModelForExtractiveSummarization.from_pretrained(tmp_path / "saved").eval()
    states = again.state_dict()
    assert {name: torch.equal(weight, states[name]) for name, weight in model.state_dict().items()} == dict.fromkeys(
        states, True
    )
    again.save_pretrained(tmp_path / "anew")
    # In float64, since equal float32 networks differ in the last bit by where their weights lie in memory.
    torch.testing.assert_close(again.double()(**inputs()).logits, model.double()(**inputs()).logits, atol=1e-12, rtol=0)
    assert json.loads((tmp_path / "anew" / "config.json").read_text())["model_type"] == "extractive-bert"


def test_what_is_saved_says_all_that_the_network_was(tmp_path):
    model = loaded("bert", tmp_path / "encoder").model
    model.config.nlp_transfer = {"task": "extractive_summarization", "length": 2.0}
    model.save_pretrained(tmp_path / "saved")
    assert model.config.model_type == "bert"  # in memory it stays one of its family
    written = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert written["nlp_transfer"] == {"task": "extractive_summarization", "length": 2.0}
    assert (written["architectures"], written["hidden_size"]) == (["BertForExtractiveSummarization"], 32)


@pytest.mark.parametrize("model_type", ALL)
def test_neither_padding_nor_other_rows_change_a_score(model_type, tmp_path):
    model = loaded(model_type, tmp_path).model.eval()
    batch = inputs()
    together = model(**batch).logits
    alone = model(
        input_ids=batch["input_ids"][1:, :16], markers=batch["markers"][1:, :2], numbers=batch["numbers"][1:, :2]
    ).logits
    torch.testing.assert_close(together[1:, :2], alone, atol=1e-5, rtol=0)
    with unpadded(model):
        torch.testing.assert_close(model(**batch).logits, together, atol=1e-5, rtol=0)


def test_the_loss_is_the_mean_over_scored_sentences(tmp_path):
    model = loaded("bert", tmp_path).model.eval()
    batch = inputs()
    output = model(**batch)
    scored = batch["labels"] != -100
    signs = torch.where(batch["labels"] == 1, 1.0, -1.0)
    by_hand = torch.log1p(torch.exp(-signs * output.logits))[scored].mean()
    torch.testing.assert_close(output.loss, by_hand)


def test_every_weight_learns(tmp_path):
    model = loaded("bert", tmp_path).model.train()
    model(**inputs()).loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    # Token types are all 0, and attention does not depend on what is added to all keys alike.
    assert all("key.bias" in name for name in without)


def test_a_sentence_is_the_mean_of_its_tokens():
    states = torch.arange(12.0).view(2, 6, 1)
    real = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]).bool()
    markers = torch.tensor([[0, 2, 5], [0, NO_SENTENCE, NO_SENTENCE]])
    means = sentence_means(states, real, markers)
    assert means.squeeze(-1).tolist() == [[0.5, 3.0, 5.0], [7.0, 0.0, 0.0]]


def test_positions_by_hand():
    found = sentence_positions(torch.tensor([[0, 3]]), 4)
    assert found[0, 0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert found[0, 1].tolist() == pytest.approx([math.sin(3), math.cos(3), math.sin(0.03), math.cos(0.03)], abs=1e-6)
    assert sentence_positions(torch.tensor([[0]]), 5).shape == (1, 1, 5)
    assert 0 < POSITION_SCALE < 1


def test_where_a_sentence_stands_matters(tmp_path):
    model = loaded("bert", tmp_path).model.eval()
    batch = {key: value for key, value in inputs().items() if key != "labels"}
    later = model(**{**batch, "numbers": batch["numbers"] + 40}).logits
    assert (later - model(**batch).logits).abs().max() > 1e-5


def test_without_markers_a_row_is_one_sentence(tmp_path):
    model = loaded("roberta", tmp_path).model.eval()
    assert model(input_ids=inputs()["input_ids"]).logits.shape == (2, 1)
    assert family(model).final_linear == f"{SENTENCE_HEAD}.score"


def test_a_classifier_of_the_same_encoder_is_another_network(tmp_path):
    tiny_checkpoint("bert", tmp_path)
    classifier = AutoModelForSequenceClassification.from_config(tiny_config("bert"))
    assert family(classifier).head == ("bert.pooler", "classifier")


@pytest.mark.parametrize("model_type", ALL)
def test_an_adapter_comes_back_with_its_head(model_type, tmp_path):
    one = loaded(model_type, tmp_path / "encoder")
    adapted = LoRA(r=2).prepare(one.model, context(new_parameters=one.new_parameters))
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05)
    adapted.save_pretrained(tmp_path / "adapter")
    # In float64, since equal float32 networks differ in the last bits by where their weights lie in memory.
    expected = adapted.eval().double()(**inputs()).logits
    torch.manual_seed(9)  # another head than before
    base = load_extractive(ModelReference(str(tmp_path / "encoder"))).model
    again = PeftModel.from_pretrained(base, tmp_path / "adapter").eval().double()
    torch.testing.assert_close(again(**inputs()).logits, expected, atol=1e-12, rtol=0)
    merged = merge(again)
    torch.testing.assert_close(merged(**inputs()).logits, expected, atol=1e-5, rtol=0)
