"""Masks of target texts: drawn by the seed and the place of a text, never of special tokens or padding."""

from types import SimpleNamespace

import pytest
import torch

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.masked_tokens import MASKED_LABELS, MaskedTokens, masks_for
from tests.tiny_models import collate, random_rows
from tests.tiny_pretraining import tiny_tokenizer
from tests.training.stand_in import attached, stand_in


def masked(positions: list[int]) -> dict[str, torch.Tensor]:
    extension = attached(MaskedTokens("target_mlm", 1.0, 0.3), stand_in(processing_class=tiny_tokenizer()))
    batch = collate(list(random_rows(4)))
    with extension.training():
        extension.prepare_target(batch, [0, 1, 2, 3], positions)
    return batch


def test_the_same_place_has_the_same_masks_and_another_has_others() -> None:
    one, again, other = masked([5, 6, 7, 8]), masked([5, 6, 7, 8]), masked([9, 10, 11, 12])
    assert torch.equal(one["input_ids"], again["input_ids"])
    assert torch.equal(one[MASKED_LABELS], again[MASKED_LABELS])
    assert not torch.equal(one[MASKED_LABELS], other[MASKED_LABELS])


def test_labels_are_the_tokens_before_and_padding_is_never_one() -> None:
    batch, plain = masked([0, 1, 2, 3]), collate(list(random_rows(4)))
    chosen = batch[MASKED_LABELS] != IGNORE_INDEX
    assert chosen.any(dim=1).all()
    assert torch.equal(batch[MASKED_LABELS][chosen], plain["input_ids"][chosen])
    assert torch.equal(batch["input_ids"][~chosen], plain["input_ids"][~chosen])
    assert not (chosen & (plain["attention_mask"] == 0)).any()


def test_the_mean_of_the_updates_since_the_last_entry_is_logged() -> None:
    extension = attached(MaskedTokens("target_mlm", 1.0, 0.3), stand_in())
    extension.load_state_dict({"logged": [6.0, 4]})
    assert extension.log({"eval_loss": 1.0}) == {"eval_loss": 1.0}
    assert extension.log({"loss": 1.0}) == {"loss": 1.0, "target_mlm_loss": 1.5}
    assert extension.log({"loss": 1.0}) == {"loss": 1.0}
    assert extension.state_dict() == {"logged": (0.0, 0)}


def test_a_tokenizer_without_a_mask_token_is_refused() -> None:
    for tokenizer, message in (
        (None, "^target_mlm masks tokens and needs the tokenizer: pass processing_class=tokenizer"),
        (SimpleNamespace(mask_token_id=None), "^target_mlm masks tokens, and the tokenizer has no mask token"),
    ):
        with pytest.raises(ConfigError, match=message):
            masks_for("target_mlm", tokenizer, 0.3)
