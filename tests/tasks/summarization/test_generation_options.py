"""Generation options are checked by name, and by what they ask for."""

from types import SimpleNamespace

import pytest
from transformers import GenerationConfig

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.summarization.generation_options import generation_config

MODEL = SimpleNamespace(generation_config=GenerationConfig(num_beams=4))


@pytest.mark.parametrize("name", ["num_beems", "num_return_sequences"])
def test_an_unknown_or_reserved_setting_is_refused(name):
    with pytest.raises(ConfigError, match=f"^Unknown generation setting '{name}'"):
        generation_config(MODEL, None, None, {name: 1})


def test_modes_that_fetch_code_are_refused():
    with pytest.raises(
        ConfigError, match=r"penalty_alpha, top_k: with these it writes by contrastive search; expected"
    ):
        generation_config(MODEL, None, GenerationConfig(), {"penalty_alpha": 0.6, "top_k": 4})


def test_other_settings_are_kept_and_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(
        "nlp_transfer.tasks.summarization.generation_options._try", lambda *given: tried.append(given[2])
    )
    config = generation_config(MODEL, None, None, {"max_new_tokens": 9})
    assert (config.num_beams, config.max_new_tokens, MODEL.generation_config.max_new_tokens) == (4, 9, None)
    assert tried == [config]
