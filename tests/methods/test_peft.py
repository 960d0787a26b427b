"""PEFT's adapters by their type: what reloads, what is refused and why."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftConfig, PeftModel
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.peft import REFUSED, PeftAdapter
from nlp_transfer.models.adapters import merge
from nlp_transfer.models.loading import LoadedModel, load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from tests.tiny_models import context, inputs, logits, tiny_checkpoint, tiny_model

BY_FAMILY = {"bert": ["key", "value", "output.dense"], "distilbert": ["k_lin", "v_lin", "lin2"]}
IA3 = {"target_modules": BY_FAMILY["bert"], "feedforward_modules": ["output.dense"]}


def load(base: Path, seed: int) -> LoadedModel:
    torch.manual_seed(seed)  # fresh heads differ between loads, as they do between processes
    return load_encoder_with_head(ModelReference(str(base)), label_names=["a", "b", "c"])


def trained(method: PeftAdapter, base: Path) -> PeftModel:
    """The adapter after a few large steps, on a checkpoint that held no head."""
    loaded = load(base, seed=1)
    method.check(loaded.model)
    adapted = method.prepare(loaded.model, context(new_parameters=loaded.new_parameters))
    assert isinstance(adapted, PeftModel)
    before = logits(adapted)
    optimizer = torch.optim.Adam([p for p in adapted.parameters() if p.requires_grad], lr=0.05)
    adapted.train()
    for _ in range(3):
        optimizer.zero_grad()
        adapted(**inputs()).loss.backward()
        optimizer.step()
    assert (logits(adapted) - before).abs().max() > 1e-2
    return adapted


def problems(peft_type: str, settings: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        PeftAdapter(peft_type, settings)
    return caught.value.problems


@pytest.mark.parametrize("family", ["bert", "distilbert"])
@pytest.mark.parametrize("peft_type", ["IA3", "LOHA", "OFT", "LILY", "PROMPT_TUNING", "P_TUNING"])
def test_reload_gives_the_same_logits_and_so_does_merging_where_it_is_possible(
    peft_type: str, family: str, tmp_path: Path
) -> None:
    targets = BY_FAMILY[family]
    settings: dict[str, Any] = {"target_modules": targets}
    if peft_type == "IA3":
        settings["feedforward_modules"] = targets[2:]
    if peft_type in ("PROMPT_TUNING", "P_TUNING"):
        settings = {"num_virtual_tokens": 3}
    base = tiny_checkpoint(family, tmp_path / "base")
    adapted = trained(PeftAdapter(peft_type, settings), base)
    expected = logits(adapted)
    adapted.save_pretrained(tmp_path / "adapter")
    reloaded = PeftModel.from_pretrained(load(base, seed=2).model, tmp_path / "adapter")
    torch.testing.assert_close(logits(reloaded), expected, atol=1e-6, rtol=1e-6)
    if peft_type in ("LILY", "PROMPT_TUNING", "P_TUNING"):
        with pytest.raises(ConfigError, match=r"An adapter made by \w+ cannot be merged into the weights"):
            merge(adapted)
        torch.testing.assert_close(logits(adapted), expected, atol=0, rtol=0)
    else:
        merged = merge(adapted)
        assert not any(hasattr(module, "modules_to_save") for module in merged.modules())
        torch.testing.assert_close(logits(merged), expected, atol=1e-5, rtol=1e-5)


def test_facts_and_saved_head() -> None:
    ctx = context(new_parameters=("bert.pooler.dense.weight", "classifier.weight"))
    adapted = PeftAdapter("IA3", IA3).prepare(tiny_model("bert"), ctx)
    assert ctx.facts["peft"] == {
        "peft_type": "IA3",
        "saved_modules": ["bert.pooler", "classifier"],
        "target_modules": ["key", "output.dense", "value"],
    }
    factors = 3 * (32 + 32 + 32 + 48)  # key, value, and the inputs of both layers that end in output.dense
    head = 32 * 32 + 32 + 32 * 3 + 3
    assert sum(p.numel() for p in adapted.parameters() if p.requires_grad) == factors + head


def test_unknown_types() -> None:
    assert problems("ia3", {})[0].startswith("peft.peft_type: Unknown type 'ia3'. Did you mean 'IA3'? Types: ")
    [text] = problems("LOHAA", {})
    assert "Did you mean 'LOHA'?" in text
    assert not any(kind in text for kind in REFUSED)


def test_unknown_settings_and_wrong_values_are_reported_together() -> None:
    found = problems("LOHA", {"target_module": ["key"], "r": "eight", "alpha": None, "task_type": "SEQ_CLS"})
    known = found[0].partition(" Settings: ")[2]
    assert found == [
        f"peft.settings: Unknown setting 'target_module'. Did you mean 'target_modules'? Settings: {known}",
        "peft.settings.r is 'eight'; expected int.",
        "peft.settings.alpha is null; expected int.",
        f"peft.settings: Unknown setting 'task_type'. Settings: {known}",
    ]
    assert problems("P_TUNING", {}) == ["peft.settings.num_virtual_tokens is missing: the prompt's length, such as 16."]
    assert problems("P_TUNING", {"num_virtual_tokens": 0}) == [
        "peft.settings.num_virtual_tokens is 0; expected 1 or more."
    ]


def test_what_peft_itself_refuses_at_once() -> None:
    [text] = problems("IA3", {"target_modules": ["key"], "feedforward_modules": ["value"]})
    assert text.startswith("peft.settings: PEFT refuses this IA3Config: `feedforward_modules` should be a subset")


@pytest.mark.parametrize(
    ("peft_type", "reason"),
    [
        ("PREFIX_TUNING", "it hands the model past keys and values, which encoders do not take."),
        ("POLY", "it needs the number of a task with every row, and a corpus is one task."),
        ("ADALORA", "it must be updated at every step to share out its ranks, which the training loop does not do."),
        ("CPT", "it is made for decoders."),
        ("XLORA", "it cannot save a fresh head (it has no modules_to_save), so that the head would stay random."),
    ],
)
def test_types_that_cannot_be_used_are_refused_with_the_reason(peft_type: str, reason: str) -> None:
    assert problems(peft_type, {}) == [f"peft.peft_type is {peft_type}, which cannot be used: {reason}"]


class TestCheck:
    def test_a_name_among_right_ones_that_peft_would_ignore(self) -> None:
        with pytest.raises(ConfigError) as caught:
            PeftAdapter("LOHA", {"target_modules": ["key", "vlaue"]}).check(tiny_model("bert"))
        [text] = caught.value.problems
        assert text.startswith("peft.settings.target_modules: Unknown module 'vlaue'. Did you mean 'value'? ")

    def test_what_peft_refuses_for_this_model(self) -> None:
        with pytest.raises(
            ConfigError, match=r"PEFT refuses this LoHaConfig for Bert\w+: .* passed is -1\. Linear lay"
        ):
            PeftAdapter("LOHA", {"r": -1, "target_modules": ["key"]}).check(tiny_model("bert"))
        with pytest.raises(
            ConfigError, match=r"PEFT refuses this LoHaConfig .* No modules were targeted.*Linear layers of its encoder"
        ):
            PeftAdapter("LOHA", {"target_modules": ".*nonesuch"}).check(tiny_model("bert"))

    def test_modules_without_weights(self) -> None:
        model = tiny_model("modernbert")
        assert isinstance(model.model.layers[0].attn_norm, nn.Identity)
        with pytest.raises(
            ConfigError, match=r"PEFT refuses this LNTuningConfig .* a module that it names has no weights\."
        ):
            PeftAdapter("LN_TUNING", {"target_modules": ["attn_norm"]}).check(model)

    def test_a_prompt_before_a_model_that_takes_tokens_only(self) -> None:
        with pytest.raises(
            ConfigError, match=r"PromptTuningConfig hands the model embeddings, which a longformer does not take"
        ):
            PeftAdapter("PROMPT_TUNING", {"num_virtual_tokens": 2}).check(tiny_model("longformer"))

    def test_a_second_adapter(self) -> None:
        adapted = PeftAdapter("IA3", IA3).prepare(tiny_model("bert"), context())
        with pytest.raises(ConfigError, match="has an adapter already"):
            PeftAdapter("IA3", IA3).check(adapted)


def test_merging_fails_where_a_layer_has_no_bias_for_the_change() -> None:
    adapted = PeftAdapter("BEFT", {"target_modules": ["Wqkv"]}).prepare(tiny_model("modernbert"), context())
    expected = logits(adapted)
    with pytest.raises(ConfigError, match="An adapter made by BeftConfig cannot be merged into the weights"):
        merge(adapted)
    torch.testing.assert_close(logits(adapted), expected, atol=0, rtol=0)


def test_every_default_of_every_type_is_a_right_value() -> None:
    refused = []
    for kind, cls in PEFT_TYPE_TO_CONFIG_MAPPING.items():
        if kind.value in REFUSED or not hasattr(cls, "modules_to_save"):
            continue
        ours = {f.name for f in dataclasses.fields(PeftConfig)}
        defaults = {
            f.name: f.default if f.default is not dataclasses.MISSING else f.default_factory()
            for f in dataclasses.fields(cls)
            if f.init and f.name not in ours
        }
        if "num_virtual_tokens" in defaults:
            defaults["num_virtual_tokens"] = 4
        try:
            PeftAdapter(kind.value, defaults)
        except ConfigError as error:
            refused += error.problems
    assert refused == []
