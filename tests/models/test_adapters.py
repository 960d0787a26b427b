"""No head is lost: adapters of every family reload to the same logits from a checkpoint that held no head."""

from pathlib import Path

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, PromptTuningConfig, TaskType, get_peft_model
from torch import nn
from transformers import AutoModelForQuestionAnswering, AutoModelForTokenClassification, GPT2Config, GPT2LMHeadModel

from nlp_transfer.errors import ConfigError
from nlp_transfer.models import adapters
from nlp_transfer.models.adapters import merge, peft_model, saved_modules, unsaved_new_parameters
from nlp_transfer.models.families import encoder_layers, lora_targets
from nlp_transfer.models.loading import LoadedModel, load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from tests.tiny_models import FAMILIES, MORE_FAMILIES, collate, random_rows, tiny_checkpoint, tiny_config, tiny_model

LABELS = ["a", "b", "c"]


def load(folder: Path, seed: int) -> LoadedModel:
    torch.manual_seed(seed)  # fresh heads differ between loads, as they do between processes
    return load_encoder_with_head(ModelReference(str(folder)), label_names=LABELS)


@torch.no_grad()
def logits(model: nn.Module) -> torch.Tensor:
    rows = random_rows(5, seed=4)
    batch = collate([rows[row] for row in range(5)])
    batch.pop("labels")
    return model.eval()(**batch).logits


def train(model: nn.Module, steps: int = 3) -> None:
    """A few large steps, so that B is no longer zero and every part matters."""
    rows = random_rows(6, seed=5)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.05)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        model(**collate([rows[row] for row in range(6)])).loss.backward()
        optimizer.step()


@pytest.mark.parametrize("family", [*FAMILIES, *MORE_FAMILIES])
def test_reload_gives_the_same_logits(family: str, tmp_path: Path) -> None:
    base = tiny_checkpoint(family, tmp_path / "base")
    loaded = load(base, seed=1)
    assert loaded.new_parameters, "the checkpoint holds no head"
    adapted = peft_model(loaded.model, LoraConfig(r=4), loaded.new_parameters)
    assert unsaved_new_parameters(adapted, loaded.new_parameters) == []
    before = logits(adapted)
    train(adapted)
    expected = logits(adapted)
    assert (expected - before).abs().max() > 1e-2
    adapted.save_pretrained(tmp_path / "adapter")

    reloaded = PeftModel.from_pretrained(load(base, seed=2).model, tmp_path / "adapter")
    torch.testing.assert_close(logits(reloaded), expected, atol=1e-6, rtol=1e-6)

    merged = merge(adapted)
    assert not isinstance(merged, PeftModel)
    torch.testing.assert_close(logits(merged), expected, atol=1e-5, rtol=1e-5)
    assert not any("lora" in name or "modules_to_save" in name for name, _ in merged.named_parameters())


def test_no_warning_that_a_user_cannot_mend(recwarn: pytest.WarningsRecorder) -> None:
    peft_model(tiny_model("bert"), LoraConfig(r=4))
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("family", [*FAMILIES, *MORE_FAMILIES])
def test_every_linear_layer_of_the_layers_and_no_other_gets_an_adapter(family: str) -> None:
    plain = tiny_model(family)
    layers = encoder_layers(plain)
    expected = sum(isinstance(module, nn.Linear) for layer in layers for module in layer.modules())
    adapted = peft_model(tiny_model(family), LoraConfig(r=2))
    names = [name for name, _ in adapted.named_parameters() if ".lora_A." in name]
    assert len(names) == expected
    inside = {id(module) for module in encoder_layers(adapted.get_base_model()).modules()}
    owners = [adapted.get_submodule(name.partition(".lora_A.")[0]) for name in names]
    assert all(id(owner) in inside for owner in owners)


def test_lora_targets_by_name() -> None:
    assert lora_targets(tiny_model("bert")) == [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ]
    assert lora_targets(tiny_model("modernbert")) == ["attn.Wqkv", "attn.Wo", "mlp.Wi", "mlp.Wo"]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("bert", ["bert.pooler", "classifier"]),
        ("roberta", ["classifier"]),
        ("deberta-v2", ["pooler", "classifier"]),
        ("big_bird", ["classifier"]),
        ("eurobert", ["dense", "classifier"]),
    ],
)
def test_saved_modules(family: str, expected: list[str], tmp_path: Path) -> None:
    loaded = load(tiny_checkpoint(family, tmp_path), seed=0)
    assert saved_modules(loaded.model, loaded.new_parameters) == expected


@pytest.mark.parametrize(
    ("auto", "head"),
    [(AutoModelForTokenClassification, "classifier"), (AutoModelForQuestionAnswering, "qa_outputs")],
)
def test_the_head_of_a_token_classifier_is_saved(auto: type, head: str) -> None:
    model = auto.from_config(tiny_config("bert", num_labels=2))
    assert saved_modules(model, ()) == [head]
    assert any(p.requires_grad for name, p in peft_model(model, LoraConfig(r=2)).named_parameters() if head in name)


def test_a_new_parameter_outside_the_head_is_saved_too() -> None:
    model = tiny_model("bert")
    new = ("classifier.weight", "bert.embeddings.token_type_embeddings.weight")
    adapted = peft_model(model, LoraConfig(r=2), new)
    assert "bert.embeddings.token_type_embeddings" in adapted.active_peft_config.modules_to_save
    assert unsaved_new_parameters(adapted, new) == []


def test_other_configurations_are_completed_and_not_changed(tmp_path: Path) -> None:
    base = tiny_checkpoint("bert", tmp_path / "base")
    loaded = load(base, seed=1)
    config = IA3Config(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"])
    adapted = peft_model(loaded.model, config, loaded.new_parameters)
    assert config.modules_to_save is None
    assert config.task_type is None
    assert adapted.active_peft_config.task_type == TaskType.SEQ_CLS
    train(adapted)
    expected = logits(adapted)
    adapted.save_pretrained(tmp_path / "adapter")
    reloaded = PeftModel.from_pretrained(load(base, seed=2).model, tmp_path / "adapter")
    torch.testing.assert_close(logits(reloaded), expected, atol=1e-6, rtol=1e-6)


def test_a_network_outside_the_table_gets_what_peft_does() -> None:
    config = GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=100, n_positions=64)
    adapted = peft_model(GPT2LMHeadModel(config), LoraConfig(r=2, task_type=TaskType.CAUSAL_LM))
    assert adapted.active_peft_config.target_modules == {"c_attn"}
    assert unsaved_new_parameters(adapted, ()) == []


def test_own_saved_modules_are_kept() -> None:
    adapted = peft_model(tiny_model("bert"), LoraConfig(r=2, modules_to_save=["token_type_embeddings"]))
    saved = adapted.active_peft_config.modules_to_save
    assert {"token_type_embeddings", "bert.pooler", "classifier"} <= set(saved)


def test_refusal_of_peft_is_a_config_error() -> None:
    with pytest.raises(
        ConfigError, match="PEFT refuses this LoraConfig for BertForSequenceClassification: No mod"
    ) as e:
        peft_model(tiny_model("bert"), LoraConfig(r=2, target_modules=["nonesuch"]))
    assert "Linear layers of its encoder, for target_modules: attention.self.query, " in str(e.value)


def test_prompt_tuning_keeps_its_head(tmp_path: Path) -> None:
    base = tiny_checkpoint("bert", tmp_path / "base")
    loaded = load(base, seed=1)
    config = PromptTuningConfig(task_type=TaskType.SEQ_CLS, num_virtual_tokens=4)
    adapted = peft_model(loaded.model, config, loaded.new_parameters)
    train(adapted)
    expected = logits(adapted)
    adapted.save_pretrained(tmp_path / "adapter")
    reloaded = PeftModel.from_pretrained(load(base, seed=2).model, tmp_path / "adapter")
    torch.testing.assert_close(logits(reloaded), expected, atol=1e-6, rtol=1e-6)


def test_the_fault_that_is_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded = load(tiny_checkpoint("bert", tmp_path), seed=1)
    bare = get_peft_model(tiny_model("bert"), LoraConfig(r=2, task_type=TaskType.SEQ_CLS))
    assert unsaved_new_parameters(bare, loaded.new_parameters) == ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]

    monkeypatch.setattr(adapters, "saved_modules", lambda model, new_parameters: [])
    with pytest.raises(ConfigError, match=r"LoraConfig does not save bert\.pooler\.dense\.weight, .* stay random"):
        peft_model(loaded.model, LoraConfig(r=2), loaded.new_parameters)


def test_merge_refuses_what_cannot_be_merged() -> None:
    adapted = peft_model(tiny_model("bert"), PromptTuningConfig(task_type=TaskType.SEQ_CLS, num_virtual_tokens=4))
    with pytest.raises(ConfigError, match="An adapter made by PromptTuningConfig cannot be merged into the weights"):
        merge(adapted)
