"""Full fine-tuning frees what the logits depend on; layer decay by depth."""

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.full_fine_tuning import FullFineTuning
from nlp_transfer.models.families import count_parameters
from tests.tiny_models import context, tiny_model
from tests.tiny_pretraining import tiny_masked_lm


def test_everything_trains() -> None:
    model = tiny_model("bert")
    model.bert.embeddings.requires_grad_(False)
    trainable, total = count_parameters(FullFineTuning().prepare(model, context()))
    assert trainable == total


def test_the_pooler_that_big_bird_does_not_use_stays_frozen() -> None:
    model = FullFineTuning().prepare(tiny_model("big_bird"), context())
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert frozen == ["bert.pooler.weight", "bert.pooler.bias"]


def test_an_encoder_alone_has_no_head_to_set_a_rate_for() -> None:
    model = tiny_masked_lm("bert").base_model
    with pytest.raises(ConfigError, match=r"head_learning_rate is 0\.1, and BertModel has no head\. Leave it out\."):
        FullFineTuning(head_learning_rate=0.1).check(model)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf")])
def test_a_wrong_rate_of_the_head(rate: float) -> None:
    with pytest.raises(ConfigError, match=rf"full_fine_tuning\.head_learning_rate is {rate}; expected more than 0, or"):
        FullFineTuning(head_learning_rate=rate)


@pytest.mark.parametrize("decay", [0.0, -1.0, 1.5])
def test_wrong_decay(decay: float) -> None:
    with pytest.raises(ConfigError, match=rf"full_fine_tuning\.layer_decay is {decay}; expected 0 < layer_decay <= 1"):
        FullFineTuning(layer_decay=decay)
