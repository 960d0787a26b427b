"""YAML files and overrides become one tree."""

import pytest
from ruamel.yaml.error import YAMLError

from nlp_transfer.config.parsing import load_yaml, merge_tree, override, path_problems, read_value, read_yaml
from nlp_transfer.errors import ConfigError


def test_values_are_those_of_yaml_1_2():
    assert load_yaml("{a: 2e-5, b: no, c: [1, x], d: null}") == {"a": 2e-5, "b": "no", "c": [1, "x"], "d": None}
    assert [read_value(text) for text in ("", "7", "a: [", "2024-13-45")] == ["", 7, "a: [", "2024-13-45"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 60 + "]" * 60, "more than 50 deep"),
        ("a: &a [*a]", "more than 50 deep"),
        ("a: &a [" + "x" * 3000 + "]\nb: [" + ", ".join(["*a"] * 1500) + "]", "more than 4,194,304 characters"),
        ("!!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_texts_that_are_no_configuration(text, problem):
    with pytest.raises(YAMLError, match=problem):
        load_yaml(text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: [1,\n", "not valid YAML"),
        (b"\xff", "is not UTF-8 (byte 0)"),
        (b"- a\n", "holds list; expected sections such as model, source, training."),
        (b"", "holds nothing; expected sections"),
        (b"#" * (1 << 20) + b"#", "has more than 1 MiB"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, content, problem):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert problem in str(caught.value)


def test_sections_are_merged_and_lists_are_not():
    tree = {"task": {"a": 1, "b": [1, 2]}}
    merge_tree(tree, {"task": {"b": [3]}, "model": "m"})
    assert tree == {"task": {"a": 1, "b": [3]}, "model": "m"}


def overridden(tree, path, value):
    problems: list[str] = []
    override(tree, path, value, problems)
    return problems


def test_a_path_goes_through_lists_by_position_or_name():
    tree = {"methods": ["lora", {"name": "mmd"}], "source": [{"path": "a"}, {"path": "b"}]}
    assert overridden(tree, "methods.mmd.weight", 0.5) == overridden(tree, "source.1.path", "c") == []
    assert tree == {"methods": ["lora", {"name": "mmd", "weight": 0.5}], "source": [{"path": "a"}, {"path": "c"}]}
    assert overridden(tree, "methods.0", "full_fine_tuning") == [] and tree["methods"][0] == "full_fine_tuning"
    assert overridden({}, "methods", "lora") == []


def test_keys_of_a_search_are_paths():
    tree = {"search": {"task.max_length": [64, 128]}}
    assert overridden(tree, "search.task.pooling", ["mean", "max"]) == overridden(tree, "search", {"a": [1]}) == []
    assert tree == {"search": {"a": [1]}}
    assert overridden(tree, "search.task.pooling", ["mean", "max"]) == []
    assert tree["search"] == {"a": [1], "task.pooling": ["mean", "max"]}


def test_paths_that_lead_nowhere():
    assert overridden({"methods": ["lora"]}, "methods.mmd.weight", 1) == [
        "--methods.mmd.weight: mmd is not among the run's methods, lora. Choose it first: --methods mmd."
    ]
    assert overridden({"model": "m"}, "model.a", 1) == ["--model.a: model is 'm', which has no keys of its own."]
    assert overridden({"source": [1]}, "source.3", 1) == [
        "--source.3: source is a list of 1; expected a position in it."
    ]


def test_paths_that_no_run_can_use():
    assert path_problems("model", "") == [
        "model is empty; expected a path. An empty one would be the folder in which the command runs."
    ]
    assert path_problems("model", "a\0b")[0].startswith(r"model: 'a\x00b' cannot be used: ")
    assert path_problems("model", "nothing/here") == []
