"""Sizes that cannot be meant are refused before memory is taken."""

import typing

import pytest

from nlp_transfer import TransferArguments
from nlp_transfer.config.experiment import help_sections, help_training, load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CDAN, DANN, LoRA, PeftAdapter
from nlp_transfer.models.size_limits import LIMITS
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

TAKE_NO_MEMORY = """
    alpha ddp_bucket_cap_mb ddp_timeout early_stopping_patience eval_accumulation_steps layers min_frequency local_rank
    max_skipped_updates max_steps max_windows min_summary_length overlap save_total_limit source_epochs max_tokens_per_forward
    draw repeats report_examples shots torch_empty_cache_steps train_windows trained_layers window_overlap
"""
"""Whole numbers without a limit: counts of what goes by, and those that are checked against the model or corpus."""


def test_every_whole_number_of_a_configuration_has_a_limit_or_needs_none():
    names = {
        path.rpartition(".")[2]
        for section in [*help_sections(), *help_training()]
        for path, hint, *_ in section.fields
        if int in (hint, *typing.get_args(hint))
    }
    assert names - {*LIMITS, *TAKE_NO_MEMORY.split(), "seed", "data_seed"} == set()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("methods.lora.r", 10**9, "lora.r is 1,000,000,000; expected at most 16,384: no encoder's layers are wider."),
        (
            "task.max_length",
            10**9,
            "task.max_length is 1,000,000,000; expected at most 1,000,000: no encoder reads more",
        ),
        (
            "training.dataloader_num_workers",
            10**9,
            "dataloader_num_workers is 1,000,000,000; expected at most 1,024: each",
        ),
        (
            "training.per_device_train_batch_size",
            10**9,
            "expected at most 1,000,000: no device holds more rows at once.",
        ),
        (
            "training.per_device_eval_batch_size",
            10**30,
            "expected at most 1,000,000: no device holds more rows at once.",
        ),
    ],
)
def test_a_file_with_such_a_size_is_refused(tmp_path, path, value, message):
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), write_corpus(tmp_path / "corpus"), tmp_path / "run")
    with pytest.raises(ConfigError) as caught:
        load_config(tree=tree, overrides=[(path, value)])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LoRA(r=10**9),
        lambda: DANN(hidden_size=10**9),
        lambda: CDAN(hidden_size=10**9),
        lambda: PeftAdapter("LOHA", {"r": 10**9}),
        lambda: PeftAdapter("PROMPT_TUNING", {"num_virtual_tokens": 10**9}),
        lambda: TransferArguments(output_dir="x", use_cpu=True, cpu_threads=10**9),
    ],
)
def test_python_objects_refuse_them_too(make):
    with pytest.raises(ConfigError, match="is 1,000,000,000; expected at most"):
        make()
