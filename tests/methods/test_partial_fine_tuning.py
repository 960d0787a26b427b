"""Only the top layers and the head move."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.partial_fine_tuning import PartialFineTuning
from tests.tiny_models import FAMILIES, context, tiny_model


def free_names(model: torch.nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_top_layers_and_head_are_free() -> None:
    ctx = context()
    model = PartialFineTuning(layers=2).prepare(tiny_model("bert"), ctx)
    free = free_names(model)
    assert {name.split(".")[3] for name in free if ".layer." in name} == {"1", "2"}
    assert {"bert.pooler.dense.weight", "classifier.weight"} <= free
    assert not any("embeddings" in name for name in free)
    assert ctx.facts["partial_fine_tuning"] == {"trained_layers": 2, "encoder_layers": 3}


@pytest.mark.parametrize("family", FAMILIES)
def test_head_alone(family: str) -> None:
    free = free_names(PartialFineTuning(layers=0).prepare(tiny_model(family), context()))
    assert free
    assert not any("layer." in name or "layers." in name or "layer_groups" in name for name in free)


def test_the_norm_after_the_layers_trains_with_them() -> None:
    assert "model.final_norm.weight" in free_names(PartialFineTuning().prepare(tiny_model("modernbert"), context()))
    assert "model.norm.weight" in free_names(PartialFineTuning().prepare(tiny_model("eurobert"), context()))
    assert "model.norm.weight" not in free_names(PartialFineTuning(layers=0).prepare(tiny_model("eurobert"), context()))


def test_too_many_layers() -> None:
    with pytest.raises(ConfigError, match=r"layers is 4, but this bert encoder has 3 layers\. Set it to 3 or less"):
        PartialFineTuning(layers=4).check(tiny_model("bert"))
    with pytest.raises(ConfigError, match=r"this albert encoder has 1 groups of weights \(3 layers share them\)"):
        PartialFineTuning(layers=2).check(tiny_model("albert"))


def test_wrong_values_are_reported_together() -> None:
    with pytest.raises(ConfigError, match="2 problems") as error:
        PartialFineTuning(layers=-1, layer_decay=0)
    assert "partial_fine_tuning.layers is -1; expected 0 (the head alone) or more." in str(error.value)


def test_no_extension_unless_asked_for() -> None:
    assert PartialFineTuning().extension() is None
    assert PartialFineTuning(layers=0, gradual_unfreezing=True).extension() is None
