"""What `training.push_to_hub` sets of a push."""

from types import SimpleNamespace

import pytest

from nlp_transfer.commands.push_settings import PushSettings


@pytest.mark.parametrize(("private", "public"), [(True, False), (None, False), (False, True)])
def test_a_run_publishes_only_what_was_asked_to_be_public(private, public):
    training = SimpleNamespace(hub_private_repo=private, hub_revision="dev", hub_token="hf_secret")
    settings = PushSettings.of(SimpleNamespace(training=training))
    assert settings == PushSettings(public=public, revision="dev")
    assert "hf_secret" not in repr(settings)
