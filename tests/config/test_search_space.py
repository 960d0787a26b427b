"""What a search may try."""

from types import SimpleNamespace

import pytest

from nlp_transfer.config.search_space import combinations, search_problems

TRAINING = SimpleNamespace(metric_for_best_model="macro_f1", load_best_model_at_end=True)


def test_every_combination_is_made():
    assert list(combinations({"methods.mmd.weight": [0.1, 1.0], "training.max_steps": [5, 6]})) == [
        {"methods.mmd.weight": 0.1, "training.max_steps": 5},
        {"methods.mmd.weight": 0.1, "training.max_steps": 6},
        {"methods.mmd.weight": 1.0, "training.max_steps": 5},
        {"methods.mmd.weight": 1.0, "training.max_steps": 6},
    ]


@pytest.mark.parametrize(
    ("path", "values", "start"),
    [
        ("learning_rate", [1], "search: learning_rate is not whole. Did you mean training.learning_rate?"),
        ("mmd.weight", [1], "search: mmd.weight is not whole. Did you mean methods.mmd.weight?"),
        ("training.seed", [1], "search: training.seed cannot be chosen; expected a path such as"),
        ("training.logging_steps", [1], "search: training.logging_steps changes no result"),
        ("methods.mmd.weight", 1, "search.methods.mmd.weight is 1; expected a list of values."),
        ("methods.mmd.weight", [], "search.methods.mmd.weight is empty; expected a list of values."),
        ("methods.mmd.weight", [1, 2, 1], "search.methods.mmd.weight has 1 more than once; each would be trained."),
        ("methods.mmd.weight", list(range(101)), "search.methods.mmd.weight has 101 values; expected at most 100."),
    ],
)
def test_what_cannot_be_tried(path, values, start):
    (problem,) = search_problems({path: values}, TRAINING, ())
    assert problem.startswith(start)


def test_too_many_combinations_are_counted():
    search = {"methods.mmd.weight": list(range(20)), "training.max_steps": list(range(1, 7))}
    (problem,) = search_problems(search, TRAINING, ())
    assert problem.startswith("search has 120 combinations (20 x 6); expected at most 100.")


def test_something_must_choose():
    found = search_problems({"training.max_steps": [1, 2]}, SimpleNamespace(metric_for_best_model=None), ())
    assert found[0].startswith("search needs something to choose by")
    frozen = SimpleNamespace(name="frozen_encoder", trains=False)
    (problem,) = search_problems({"training.max_steps": [1, 2]}, TRAINING, [frozen])
    assert problem.startswith("search: frozen_encoder fits the model before training")
    assert search_problems({}, SimpleNamespace(metric_for_best_model=None), ()) == []
