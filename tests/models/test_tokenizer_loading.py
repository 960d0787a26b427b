"""Tokenizers of models."""

import json
import logging
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from tests.tiny_models import tiny_checkpoint
from tests.tiny_runs import tiny_encoder


def test_a_tokenizer_that_pads_to_the_left_pads_to_the_right(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = tiny_encoder(tmp_path / "encoder")
    settings = json.loads((encoder / "tokenizer_config.json").read_text())
    (encoder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": "left"}))
    assert AutoTokenizer.from_pretrained(encoder).padding_side == "left"
    logging.getLogger("transformers").propagate = True
    try:
        tokenizer = load_tokenizer(ModelReference(str(encoder)))
    finally:
        logging.getLogger("transformers").propagate = False
    assert tokenizer.padding_side == "right"
    assert "its tokenizer pads to the left; padded to the right from here on." in caplog.text


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
def test_no_tokenizer(family: str, tmp_path: Path) -> None:
    # transformers makes one without vocabulary, silently
    tiny_checkpoint(family, tmp_path)
    with pytest.raises(ConfigError, match="has no vocabulary: its tokenizer files are missing"):
        load_tokenizer(ModelReference(str(tmp_path)))


def test_no_tokenizer_that_can_be_made(tmp_path: Path) -> None:
    tiny_checkpoint("modernbert", tmp_path)
    with pytest.raises(ConfigError, match=r"its tokenizer files are missing \(tokenizer\.json, vocab"):
        load_tokenizer(ModelReference(str(tmp_path)))
