"""Errors keep their problems, and name the nearest right name."""

import copy
import dataclasses
import pickle
from typing import Any, Literal

import numpy as np
import pytest

from nlp_transfer.errors import (
    MAX_LISTED_NAMES,
    MAX_VALUE_CHARACTERS,
    CheckedArguments,
    ConfigError,
    DataError,
    NLPTransferError,
    RunInterrupted,
    did_you_mean,
    format_value,
    nearest_name,
)


def test_problems_are_listed_once_each() -> None:
    error = DataError(["a is bad.", "b is bad.", "a is bad."])
    assert error.problems == ["a is bad.", "b is bad."]
    assert str(error) == "2 problems:\n  - a is bad.\n  - b is bad."
    assert str(ConfigError("one")) == "one"
    assert isinstance(error, NLPTransferError) and isinstance(error, ValueError)


def test_errors_go_through_pickle_with_their_class_and_problems() -> None:
    again = pickle.loads(pickle.dumps(DataError(["a", "b"])))
    assert type(again) is DataError and again.problems == ["a", "b"]


def test_an_interrupted_run_is_no_exception() -> None:
    assert not issubclass(RunInterrupted, Exception)
    assert RunInterrupted("stopped").at_once is False
    assert RunInterrupted("stopped", at_once=True).at_once is True


def test_the_nearest_name_ignores_case() -> None:
    assert nearest_name("LROA", ["lora", "ia3"]) == "lora"
    assert nearest_name("xyz", ["lora", "ia3"]) is None
    assert nearest_name("lora", []) is None


@pytest.mark.parametrize(
    ("what", "plural"), [("method", "Methods"), ("category", "Categories"), ("key", "Keys"), ("class", "Classes")]
)
def test_plurals(what: str, plural: str) -> None:
    assert did_you_mean(what, "qqq", ["a"]) == f"Unknown {what} 'qqq'. {plural}: a."


def test_long_lists_and_values_are_shortened() -> None:
    many = [f"name{number}" for number in range(MAX_LISTED_NAMES + 1)]
    assert did_you_mean("column", "zzz", many) == "Unknown column 'zzz'."
    assert did_you_mean("column", "zzz", []) == "Unknown column 'zzz'. Columns: none."
    long = "x" * MAX_VALUE_CHARACTERS
    assert format_value(long) == f"'{long[:-1]}… ({MAX_VALUE_CHARACTERS + 2:,} characters)"
    assert format_value(3) == "3"


@dataclasses.dataclass(frozen=True)
class Settings(CheckedArguments):
    rank: int = 8
    rate: float | None = None
    kind: Literal["a", "b"] = "a"
    names: list[str] | None = None
    data: Any = None
    on_nonfinite: bool = False


def test_arguments_by_import_are_checked_by_name_and_type() -> None:
    assert Settings(4, rate=1, kind="b", names=["x"]) == dataclasses.replace(Settings(4, 1, "b"), names=["x"])
    assert Settings(rank=np.int64(3), rate=np.float32(0.5)).rank == 3
    assert copy.deepcopy(Settings(4)) == pickle.loads(pickle.dumps(Settings(4))) == Settings(4)
    with pytest.raises(ConfigError) as caught:
        Settings("8", rate="x", kind=3, names="x", nonfinite=1, rnak=2)
    assert caught.value.problems == [
        "Settings: The argument 'nonfinite' was renamed: write 'on_nonfinite'.",
        "Settings: Unknown argument 'rnak'. Did you mean 'rank'? Arguments: rank, rate, kind, names, data, on_nonfinite.",
        "Settings.rank is '8'; expected int.",
        "Settings.rate is 'x'; expected float | None.",
        "Settings.kind is 3; expected Literal['a', 'b'].",
        "Settings.names is 'x'; expected list[str] | None.",
    ]
    assert Settings(names=("x",), kind="b", data=3).names == ("x",)
    with pytest.raises(ConfigError, match=r"^Settings\.rank is True; expected int\.$"):
        Settings(rank=True)
