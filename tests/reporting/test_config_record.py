"""Configs as they are written and compared."""

from pathlib import Path

from nlp_transfer.reporting.config_record import command_record, config_differences, config_record

CONFIG = {
    "model": "encoder",
    "methods": [{"name": "lora", "r": 8}],
    "training": {"seed": 0, "output_dir": Path("runs/a"), "hub_token": "hf_secret", "logging_steps": 10},
}


def test_record_is_plain_and_without_secrets():
    record = config_record(CONFIG)
    assert record["training"] == {"seed": 0, "output_dir": "runs/a", "logging_steps": 10}
    assert CONFIG["training"]["hub_token"] == "hf_secret"
    assert config_record(record) == record


def test_command_hides_secrets():
    command = ["train.py", "--training.hub_token", "hf_1", "--hub_token=hf_2", "--training.seed", "1"]
    assert command_record(command) == [
        "train.py",
        "--training.hub_token",
        "***",
        "--hub_token=***",
        "--training.seed",
        "1",
    ]


def test_command_hides_sections_with_secrets_and_tokens_of_the_environment(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "hf_environment")
    monkeypatch.setenv("OTHER_TOKEN", "1")
    command = ["train.py", "--training", "{hub_token: hf_1}", "--training={hub_token: hf_2}", "--x=hf_environment/1"]
    assert command_record(command) == ["train.py", "--training", "***", "--training=***", "--x=***/1"]


def test_same_config():
    assert config_differences(CONFIG, config_record(CONFIG)) == []


def test_differences_by_dotted_path():
    new = {
        "model": "encoder",
        "methods": [{"name": "lora", "r": 16}, {"name": "lp_ft"}],
        "training": {"seed": 1, "output_dir": "runs/a", "logging_steps": 10, "bf16": True},
    }
    assert config_differences(CONFIG, new) == [
        "methods.0.r: 8 -> 16",
        "methods.1.name: not set -> 'lp_ft'",
        "training.seed: 0 -> 1",
        "training.bf16: not set -> True",
    ]
    assert "methods.1.name: 'lp_ft' -> not set" in config_differences(new, CONFIG)


def test_a_key_that_an_older_version_did_not_know():
    assert config_differences(CONFIG, {**CONFIG, "task": {"train_windows": None}}) == []
    assert config_differences(CONFIG, {**CONFIG, "task": {"train_windows": 2}}) == ["task.train_windows: not set -> 2"]


def test_keys_without_effect_may_differ():
    training = {
        "seed": 0,
        "output_dir": "runs/b",
        "logging_steps": 1,
        "hub_token": "other",
        "resume_from_checkpoint": "x",
        "report_to": ["none"],
    }
    new = {**CONFIG, "training": training, "resume": True}
    assert config_differences(CONFIG, new) == ["training.resume_from_checkpoint: not set -> 'x'"]


def test_other_threads_cost_the_last_digits():
    changed = {**CONFIG, "training": {**CONFIG["training"], "cpu_threads": 2, "logging_steps": 5}}
    assert config_differences(CONFIG, changed) == []
    assert config_differences(CONFIG, changed, without_effect=True) == [
        "training.logging_steps: 10 -> 5",
        "training.cpu_threads: not set -> 2 (the result may differ in its last digits)",
    ]


def test_a_key_that_only_begins_alike_counts():
    assert config_differences({"resume": 1, "resume_layers": 1}, {"resume": 2, "resume_layers": 2}) == [
        "resume_layers: 1 -> 2"
    ]


def test_empty_values_count():
    assert config_differences({"methods": []}, {"methods": [{"name": "lora"}]}) == [
        "methods.0.name: not set -> 'lora'",
        "methods: [] -> not set",
    ]
    assert config_differences({"a": None}, {"a": {}}) == ["a: None -> {}"]
