"""Processes that would train different things are refused before the first step."""

import json
from pathlib import Path

import pytest
from datasets import Dataset

from nlp_transfer import TransferArguments
from nlp_transfer.errors import ConfigError
from nlp_transfer.training import agreement
from nlp_transfer.training.agreement import (
    COMPARED_ROWS,
    argument_facts,
    check_agreement,
    different_facts,
    row_facts,
)
from tests.launching import launched

ADVICE = " Start all processes with the same configuration and files."


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the trainers of both processes ended with, by what they disagreed in."""
    out = tmp_path_factory.mktemp("ranks")
    done = launched(Path(__file__).with_name("disagreeing_ranks.py"), out, processes=2)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((out / f"{rank}.json").read_text()) for rank in range(2))
    assert first == second
    return first


def test_processes_that_agree_train(found):
    assert found["nothing"] == found["what may differ"] == "1 step"


def test_trainers_that_disagree_are_refused_with_what_differs_and_where(found):
    assert found["arguments"] == [
        "learning_rate is 5e-05 on process 0 and 0.25 on process 1.",
        "seed is 42 on process 0 and 7 on process 1." + ADVICE,
    ]
    assert len(found["rows"]) == 1
    assert found["rows"][0].startswith("The digest of train_dataset is ")
    assert found["length"][0] == "The length of train_dataset is 8 on process 0 and 7 on process 1."
    assert "'r': 4" in found["settings"][0] and "'r': 2" in found["settings"][0]
    assert found["method"][0].startswith("methods is [{'name': 'lora', ")
    assert "[{'name': 'partial_fine_tuning', " in found["method"][0]
    assert any(problem.startswith("model.config.id2label is ") for problem in found["classes"])


def test_all_processes_have_the_first_weights_of_process_0(found):
    assert found["nothing"] == found["weights"] == "1 step"
    assert found["bias of weights"] == found["bias of nothing"]


def test_facts_that_differ_are_listed_by_process():
    parts = [{"seed": 1, "a b": "x"}, {"seed": 2, "a b": "x"}, {"seed": 1, "a b": "x", "more": True}]
    assert different_facts(parts) == [
        "seed is 1 on process 0, 2 and 2 on process 1.",
        "more is not set on process 0, 1 and True on process 2.",
    ]
    assert different_facts([{"a b": "x"}, {"a b": "y"}]) == ["A b is x on process 0 and y on process 1."]


def test_a_message_lists_so_many_differences(monkeypatch):
    other = {f"key{i}": 1 for i in range(13)}
    monkeypatch.setattr(agreement, "gather_object", lambda given: [*given, {}])
    check_agreement(other)  # one process agrees with itself
    monkeypatch.setattr(agreement, "PartialState", lambda: type("State", (), {"num_processes": 2}))
    with pytest.raises(ConfigError) as caught:
        check_agreement(other)
    assert caught.value.problems[9:] == [
        "key9 is 1 on process 0 and not set on process 1.",
        "… and 3 more differences." + ADVICE,
    ]


def test_rows_are_known_by_their_length_and_values():
    rows = Dataset.from_dict({"input_ids": [[1, 2], [3], [4]], "labels": [0, 1, 0], "id": ["a", "b", "c"]})
    facts = row_facts("train_dataset", rows)
    assert facts["the length of train_dataset"] == 3
    again = Dataset.from_dict({"input_ids": [[4], [1, 2], [3]], "labels": [0, 0, 1], "id": ["x", "y", "z"]})
    assert row_facts("train_dataset", again.select([1, 2, 0])) == facts  # in another file, with other ids
    assert row_facts("train_dataset", again) != facts
    rows.set_transform(lambda batch: pytest.fail("rows were made"))
    assert row_facts("train_dataset", rows) == facts
    many = Dataset.from_dict({"labels": [0] * 3 * COMPARED_ROWS})
    last = Dataset.from_dict({"labels": [0] * (3 * COMPARED_ROWS - 1) + [1]})
    assert row_facts("x", many) != row_facts("x", last)
    assert row_facts("x", [1, 2]) == {"the length of x": 2}
    assert row_facts("x", iter([])) == row_facts("x", None) == {}


def test_a_token_is_no_fact(tmp_path):
    facts = argument_facts(TransferArguments(str(tmp_path), use_cpu=True, hub_token="hf_secret"))
    assert "hf_secret" not in str(facts)
    assert {"output_dir", "hub_token", "local_rank"}.isdisjoint(facts)
    assert facts["learning_rate"] == 5e-5
