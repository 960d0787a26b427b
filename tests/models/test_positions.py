import pytest
import torch
from transformers import AutoModelForSequenceClassification

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.loading import LoadedModel, max_positions
from nlp_transfer.models.positions import fit_positions, position_table
from tests.tiny_models import tiny_model

WITH_TABLE = ["bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "mpnet", "longformer"]


def loaded(kind):
    model = tiny_model(kind)
    return LoadedModel(model, (), "here", max_positions(model.config))


def ids(tokens, seed=0):
    return torch.randint(5, 100, (2, tokens), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", WITH_TABLE)
def test_longer_texts_are_read_and_short_ones_as_before(kind, tmp_path):
    came = loaded(kind)
    old, short = came.max_positions, ids(20)
    before = came.model(input_ids=short).logits
    fitted = fit_positions(came, 200, "x", repeat=True)
    assert fitted.max_positions == max_positions(fitted.model.config) == 200
    assert fitted.notes == (f"Its {old} positions are repeated to 200.",)
    torch.testing.assert_close(fitted.model(input_ids=short).logits, before)
    table = position_table(fitted.model).weight
    torch.testing.assert_close(table[-200:][old : 2 * old], table[-200:][:old])
    assert torch.isfinite(fitted.model(input_ids=ids(200)).logits).all()
    fitted.model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(again(input_ids=ids(200)).logits, fitted.model(input_ids=ids(200)).logits)


def test_nothing_happens_where_positions_suffice():
    came = loaded("bert")
    assert fit_positions(came, 80, "x", repeat=True) is came
    assert fit_positions(came, 80, "x", repeat=False) is came


def test_too_long_a_text_is_refused_with_a_way_out():
    with pytest.raises(ConfigError) as caught:
        fit_positions(loaded("bert"), 81, "the/encoder", repeat=False)
    assert caught.value.problems == [
        "task.max_length is 81, but the/encoder reads at most 80 tokens. Set task.max_length to 80 or less, set "
        "task.extend_positions: true, or name an encoder for longer texts."
    ]


def test_positions_that_are_no_table_cannot_be_repeated():
    with pytest.raises(ConfigError, match="the/encoder has no table of positions that could be repeated"):
        fit_positions(loaded("modernbert"), 81, "the/encoder", repeat=True)
    with pytest.raises(ConfigError, match="to 80 or less, or name an encoder"):
        fit_positions(loaded("modernbert"), 81, "the/encoder", repeat=False)
