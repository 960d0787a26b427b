"""Values in a configuration: of a wrong type, out of range, missing, or at odds with others."""

import copy
import enum
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.broken.settings import SettingFaults, documented

FAULTS = SettingFaults()


@FAULTS.add
def wrong_type(settings, choose):
    path, value = choose(st.sampled_from(list(_wrong_types())))
    settings.set(path, value)
    if path == "baselines":
        return ("baselines is",)
    key = path.rsplit(".", 1)[-1]
    place = f"methods.0.{key}" if path.startswith("methods") else path
    return (f"{place} is {value!r}; expected ",)


def _wrong_types() -> Iterator[tuple[str, Any]]:
    """(path, a value of a type that it does not take)."""
    for path, hint in documented().items():
        if path in ("model", "methods", "task.class_weights"):
            continue
        kinds = set(_leaves(hint))
        if any(isinstance(kind, type) and issubclass(kind, enum.Enum) for kind in kinds) or Any in kinds:
            continue
        if dict not in kinds:
            yield path, {"a": 1}
        if not kinds & {list, tuple, str, dict}:
            yield path, [1, 2]
            yield path, "many"


def _leaves(hint: Any) -> Iterator[Any]:
    """The types of a union, a list's own and not that of its items."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        yield str
    elif origin in (list, tuple, dict):
        yield origin
    elif typing.get_args(hint):
        for argument in typing.get_args(hint):
            yield from _leaves(argument)
    else:
        yield hint


NAN, INFINITE = float("nan"), float("inf")

OUT_OF_RANGE: dict[str, list[Any]] = {
    "attention_dropout": [-0.1, 1.0, NAN],
    "task.max_length": [0, -5, 2],
    "task.focal_gamma": [-1.0, NAN, INFINITE],
    "task.label_smoothing": [-0.1, 1.0, NAN],
    "task.class_weights": [{"a": -1.0}, {"a": NAN}],
    "source.split.validation": [-0.1, 1.0, NAN],
    "source.split.test": [-0.1, 1.0, INFINITE],
    "source.split.similarity": [0.0, 1.5, NAN],
    "source.split.seed": [-1],
    "training.learning_rate": [-1e-5, NAN, INFINITE],
    "training.num_train_epochs": [0, -1, NAN],
    "training.per_device_train_batch_size": [0, -8],
    "training.per_device_eval_batch_size": [0],
    "training.gradient_accumulation_steps": [0],
    "training.cpu_threads": [0, -2],
    "training.early_stopping_patience": [0],
    "training.activation_cache_gb": [-1.0, NAN, INFINITE],
    "training.weight_decay": [-0.1, NAN],
    "training.adam_beta1": [1.0, -0.1, NAN],
    "training.adam_beta2": [1.5, -0.1],
    "training.adam_epsilon": [-1e-8, NAN],
    "training.max_grad_norm": [-1.0, NAN],
    "training.seed": [-1, 2**32],
    "training.data_seed": [-1],
    "training.dataloader_num_workers": [-1],
    "methods.lora.r": [0, -8],
    "methods.lora.alpha": [0, -8],
    "methods.lora.layers": [0, -1],
    "methods.lora.dropout": [1.0, -0.1, NAN],
    "methods.lora.learning_rate": [0.0, NAN],
    "methods.partial_fine_tuning.layers": [-1],
    "methods.partial_fine_tuning.layer_decay": [0.0, 1.5, NAN],
    "methods.full_fine_tuning.layer_decay": [0.0, -1.0],
    "methods.frozen_encoder.l2": [[0.0], [-1.0], [NAN]],
    "methods.frozen_encoder.layers": [[]],
}


@FAULTS.add
def out_of_range(settings, choose):
    path = choose(st.sampled_from(list(OUT_OF_RANGE)))
    settings.set(path, choose(st.sampled_from(OUT_OF_RANGE[path])))
    return (path.removeprefix("methods."),)


@FAULTS.add
def missing_setting(settings, choose):
    key, words = choose(
        st.sampled_from(
            [
                ("model", "model is missing"),
                ("source", "source is missing"),
                ("training", "training.output_dir is missing"),
                ("training.output_dir", "training.output_dir is missing"),
                ("source.path", "source names no source"),
            ]
        )
    )
    *steps, last = key.split(".")
    node = settings.tree[steps[0]] if steps else settings.tree
    if choose(st.booleans()) and key != "training":
        node[last] = None
    else:
        del node[last]
    return (key.split(".")[0],) if node.get(last, "") is None else (words,)


@FAULTS.add
def section_of_the_wrong_kind(settings, choose):
    key = choose(st.sampled_from(["model", "source", "training", "task", "methods", "target"]))
    value = choose(st.sampled_from([3, True, [3], [["x"]], 2.5]))
    settings.tree[key] = value
    return (key,)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"source.hub": "a/b"}, "source names path and hub"),
    ({"source.builtin": "licenses"}, "source names path and builtin"),
    ({"source.name": "part"}, "source.name is set, but only a Hub dataset has one"),
    ({"source.revision": "main"}, "source.revision is set, but only a Hub dataset has one"),
    ({"source.split.column": "court"}, "source.split.column is 'court', which only source.split.method 'grouped' uses"),
    ({"source.split.method": "grouped"}, "source.split.column does not say which column"),
    ({"source.split.validation": 0.5, "source.split.test": 0.5}, "expected less than 1"),
    ({"source.columns": {"x": "text", "y": "text"}}, "source.columns renames x and y to 'text'"),
    ({"source.label_names": ["a", "b", "a"]}, "source.label_names repeats a name"),
    ({"source.label_names": []}, "source.label_names is empty"),
    ({"source.splits": {"train": "nowhere"}}, "source.splits: Unknown split 'nowhere'"),
    ({"source.columns": {"clause": "text"}}, "source.columns: Unknown column 'clause'"),
    (
        {"training.early_stopping_patience": 2, "training.load_best_model_at_end": False},
        "early_stopping_patience needs",
    ),
    ({"training.eval_strategy": "no"}, "training: "),
    ({"training.precision": "bf16", "training.fp16": True}, "training.precision is 'bf16' while training.fp16 is on"),
    ({"training.label_smoothing_factor": 0.1}, "set task.label_smoothing"),
    (
        {"training.auto_find_batch_size": True},
        "training.auto_find_batch_size is True, which a run cannot honour: it restarts",
    ),
    ({"methods": ["lora", "lp_ft"]}, "lora and lp_ft each choose the trainable weights"),
    ({"methods": []}, "methods is empty"),
    ({"task.class_weights": {"no such class": 2.0}}, "no such class"),
]


@FAULTS.add
def contradictory_settings(settings, choose):
    values, words = choose(st.sampled_from(CONTRADICTIONS))
    for path, value in values.items():
        settings.set(path, copy.deepcopy(value))
    return (words,)


@FAULTS.add
def impossible_path(settings, choose):
    path = choose(st.sampled_from(["source.path", "target.path", "model", "training.output_dir", "tokenizer"]))
    value = choose(st.sampled_from(["", "a\udce9", "a\0b", "x/" + "y" * 300, "z" * 5000]))
    settings.set(path, value)
    return (path,)


@FAULTS.add
def path_that_is_not_there(settings, choose):
    path = choose(st.sampled_from(["source.path", "target.path", "model"]))
    settings.set(path, choose(st.sampled_from(["./no/such/thing", "/nowhere", "no such folder/really"])))
    return (path,)
