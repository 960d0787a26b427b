"""Renamed keys, values and options are refused with their new names."""

import dataclasses

import pytest

from nlp_transfer import TransferArguments
from nlp_transfer.commands import main
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.errors import RENAMED, ConfigError, did_you_mean
from nlp_transfer.tasks import TASKS


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("choose", {}, "The key 'choose' was renamed: write 'search'."),
        ("source_only", False, "The key 'source_only' was renamed: write 'source_only_baseline'."),
        ("target_progress", True, "The key 'target_progress' was renamed: write 'log_target_scores'."),
        ("task.repeat_positions", True, "task: The key 'repeat_positions' was renamed: write 'extend_positions'."),
        ("training.nonfinite", "skip", "training: The key 'nonfinite' was renamed: write 'on_nonfinite'."),
        (
            "training.tokens_per_pass",
            9,
            "training: The key 'tokens_per_pass' was renamed: write 'max_tokens_per_forward'.",
        ),
        (
            "task",
            {"name": "masked_language_modeling", "new_words": 5},
            "task: The key 'new_words' was renamed: write 'num_new_tokens'.",
        ),
        (
            "task",
            {"name": "extractive_summarization", "labels": "summary"},
            "task: The key 'labels' was renamed: write 'supervision'.",
        ),
        (
            "task",
            {"name": "abstractive_summarization", "long_documents": "cut"},
            "task.long_documents: The value 'cut' was renamed: write 'truncate'.",
        ),
        ("methods", ["peft_config"], "methods.0: The method 'peft_config' was renamed: write 'peft'."),
    ],
)
def test_an_old_key_names_the_new_one(path, value, message):
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=[(path, value)])
    assert message in caught.value.problems


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--new_run"], "The option --new_run was renamed: write --archive_existing."),
        (
            ["push", "run", "me/it", "--into_existing"],
            "The option --into_existing was renamed: write --allow_existing.",
        ),
        (
            ["push", "run", "me/it", "--without_corpus_check"],
            "The option --without_corpus_check was renamed: write --skip_overlap_check.",
        ),
    ],
)
def test_an_old_option_names_the_new_one(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_name_that_was_never_there():
    assert did_you_mean("key", "sead", ["seed"]) == "Unknown key 'sead'. Did you mean 'seed'? Keys: seed."


def test_a_new_name_of_another_section():
    assert did_you_mean("key", "labels", ["seed"]) == (
        "Unknown key 'labels'. Keys: seed. ('labels' was renamed 'supervision', which is not known here either.)"
    )
    with pytest.raises(
        ConfigError, match=r"task: Unknown key 'select'.*'select' was renamed 'length', which is not known"
    ):
        load_config(overrides=[("task.select", 3)])


def test_no_new_name_is_an_old_one():
    assert not set(RENAMED) & set(RENAMED.values())
    fields = {f.name for cls in (Experiment, TransferArguments, *TASKS.values()) for f in dataclasses.fields(cls)}
    assert not fields & set(RENAMED)
