"""Settings that change no result."""

from nlp_transfer.training.neutral_settings import NEUTRAL_SETTINGS, is_result_neutral


def test_a_key_stands_for_itself_and_one_that_ends_in_an_underscore_for_all_that_begin_so():
    assert all(is_result_neutral(key) for key in NEUTRAL_SETTINGS if not key.endswith("_"))
    assert is_result_neutral("training.hub_model_id")
    assert not is_result_neutral("training.learning_rate")
    assert not is_result_neutral("training.output_dirs")
