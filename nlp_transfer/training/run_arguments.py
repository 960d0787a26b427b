"""Training arguments that a run from a configuration does not honour, each with the reason why it is refused.

A `TransferTrainer` in a script of one's own is no run: there each of them means what it means to `Trainer`.
"""

import copy
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nlp_transfer.errors import did_you_mean, format_value

Test = Callable[[Any], bool]
"""Returns whether a run honours a value."""


def _only(*values: Any) -> Test:
    return lambda value: value in values


def _has_only(*keys: str) -> Test:
    return lambda value: value is None or (isinstance(value, dict) and set(value) <= set(keys))


def _positive(value: Any) -> bool:
    return value is None or value > 0


def _several_processes(value: Any) -> bool:
    return not value or int(os.environ.get("WORLD_SIZE", "1")) > 1


def _backend(value: Any) -> bool:
    from accelerate.utils import DynamoBackend

    return value is None or value.upper() in DynamoBackend.__members__


def _mode(value: Any) -> bool:
    from torch._inductor import list_mode_options

    return value in (None, "default") or value in list_mode_options()


_CHECKPOINT = ("use_reentrant", "preserve_rng_state", "determinism_check", "early_stop")
_ALL_SCORED = "a run scores all predictions of a split together"
_STEPS = "expected more than 0: a share of the steps, or how many"
_LAUNCHER = "the launcher sets it (accelerate launch, torchrun; configs/accelerate)"
_SCORES = "a run is always scored on its held-out rows, whatever training.eval_strategy is"

HONOURED: dict[str, tuple[Test, str]] = {
    "accelerator_config": (
        _has_only("non_blocking", "use_seedable_sampler", "use_configured_state"),
        "rows are shared out among processes and counted by this package; expected a mapping with non_blocking at most",
    ),
    "activation_checkpointing_kwargs": (_has_only(*_CHECKPOINT), f"expected a mapping of {', '.join(_CHECKPOINT)}"),
    "auto_find_batch_size": (
        _only(False),
        "it restarts the schedule but keeps weights and optimizer state; lower training.per_device_train_batch_size "
        "and raise training.gradient_accumulation_steps instead",
    ),
    "average_tokens_across_devices": (_only(True), "the loss is always the mean over the rows of the whole update"),
    "batch_eval_metrics": (_only(False), _ALL_SCORED),
    "bf16_full_eval": (_only(False), "evaluating in it rounds the weights that are then saved; set training.precision"),
    "dataloader_drop_last": (_only(False), "it leaves rows out of training and of the scores"),
    "debug": (
        _only("", [], None),
        "its hooks fail on masks; a loss that is not finite is found by training.on_nonfinite",
    ),
    "do_eval": (_only(True), _SCORES),
    "do_predict": (_only(True), _SCORES),
    "do_train": (_only(True), "a run trains; scripts/evaluate.py scores a model that is trained"),
    "enable_jit_checkpoint": (_only(False), "a run saves by itself when a signal comes, and can be resumed"),
    "eval_do_concat_batches": (_only(True), _ALL_SCORED),
    "eval_steps": (_positive, _STEPS),
    "eval_use_gather_object": (_only(False), "what a run predicts are tensors, which are gathered as such"),
    "fp16_full_eval": (_only(False), "evaluating in it rounds the weights that are then saved; set training.precision"),
    "fsdp": (_several_processes, "it needs several processes: start the run by accelerate launch or torchrun"),
    "gradient_checkpointing_kwargs": (_has_only(*_CHECKPOINT), f"expected a mapping of {', '.join(_CHECKPOINT)}"),
    "hub_always_push": (_only(False), "a run pushes once, when it has ended"),
    "ignore_data_skip": (_only(False), "a resumed run would train on other rows than an uninterrupted one"),
    "include_for_metrics": (_only([], None), "the metrics of a task read predictions and labels alone"),
    "include_num_input_tokens_seen": (
        _only(True, False, "no", "all", "non_padding"),
        "expected no, all or non_padding",
    ),
    "label_names": (_only(["labels"], None), "the rows of a run have their labels in the column labels"),
    "length_column_name": (_only("length"), "the rows of a run have their lengths in the column length"),
    "liger_kernel_config": (_only(None), "Liger's kernels would replace parts of the network that are replaced here"),
    "local_rank": (_only(-1), _LAUNCHER),
    "logging_nan_inf_filter": (_only(False), "it hides a loss that is not finite; see training.on_nonfinite"),
    "logging_steps": (_positive, _STEPS),
    "max_steps": (lambda value: value == -1 or value > 0, "expected more than 0, or -1 for training.num_train_epochs"),
    "num_train_epochs": (_positive, "a run trains; expected more than 0"),
    "parallelism_config": (_only(None), _LAUNCHER),
    "prediction_loss_only": (_only(False), "the scores of a run are computed of its predictions"),
    "resume_from_checkpoint": (_only(None), "a run resumes (--resume) from the newest whole checkpoint of its folder"),
    "save_only_model": (
        _only(False),
        "no run could be resumed from such checkpoints; training.save_total_limit bounds what they take",
    ),
    "save_on_each_node": (_only(False), "one process writes the run's folder, which all machines must see"),
    "save_steps": (_positive, _STEPS),
    "save_total_limit": (_positive, "expected at least 1; leave it out to keep all checkpoints"),
    "torch_compile_backend": (_backend, "PyTorch has no backend of that name; leave it out for inductor"),
    "torch_compile_mode": (_mode, "PyTorch has no mode of that name; leave it out for the default"),
    "use_liger_kernel": (_only(False), "Liger's kernels would replace parts of the network that are replaced here"),
}
"""By argument: the values that a run honours, and why it honours no other. Arguments that are not here are honoured."""

NEEDS = {
    "activation_checkpointing_kwargs": ("activation_checkpointing", "gradient_checkpointing"),
    "gradient_checkpointing_kwargs": ("gradient_checkpointing", "activation_checkpointing"),
    "fsdp_config": ("fsdp",),
}
"""By argument: those of which one must be on, else it is not read."""

_PACKAGES = {"azure_ml": "azureml-sdk", "comet_ml": "comet-ml", "flyte": "flytekit"}
"""The names of integrations for `pip install`, where they differ."""

_REFUSAL = ", which a run cannot honour: "


def run_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each value that a run does not honour."""
    for name, value in values.items():
        honours, reason = HONOURED.get(name, (None, ""))
        if honours is not None and not honours(value):
            yield f"training.{name} is {format_value(value)}{_REFUSAL}{reason}."
        elif value and name in NEEDS and not any(values.get(other) for other in NEEDS[name]):
            yield f"training.{name} is not read without training.{NEEDS[name][0]}. Set that too, or leave this out."


def one_of_each(problems: Iterable[str]) -> list[str]:
    """Keep one problem of each training argument: the last, as a run's own checks come after those of transformers.

    What transformers words without an argument's name is left out where a refusal names one.
    """
    kept: dict[str, str] = {}
    for problem in problems:
        named = re.match(r"training\.\w+ is ", problem)
        kept[named.group() if named else problem] = problem
    refused = any(_REFUSAL in problem for problem in kept.values())
    return [problem for problem in kept.values() if not (refused and problem.startswith("training: "))]


def _unread_options(arguments: Any, model: Any) -> list[str]:
    """Return names in `optim_args` that change nothing, whatever their value."""
    from transformers import Trainer

    def made(option: str, value: str) -> Any:
        probe = copy.copy(arguments)
        probe.optim_args = f"{option}={value}"
        try:
            return Trainer.get_optimizer_cls_and_kwargs(probe, model)
        except (TypeError, ValueError, AttributeError) as error:
            return error  # it is read, and takes no such value

    names = dict.fromkeys(part.split("=")[0].strip() for part in (arguments.optim_args or "").split(",") if part)
    return [name for name in names if all(made(name, value) == made("", "") for value in ("3", "0.5", "true"))]


def optimizer_problems(arguments: Any) -> Iterator[str]:
    """Yield why the optimizer or the learning rate schedule cannot be made; `Trainer` makes them after the data."""
    import torch
    from transformers import Trainer, get_scheduler

    model: Any = torch.nn.Linear(1, 1)
    unreadable = any("=" not in part for part in (arguments.optim_args or "=").split(","))
    if unreadable:
        yield f"training.optim_args is {arguments.optim_args!r}; expected NAME=VALUE, several with commas."
    name = str(getattr(arguments.optim, "value", arguments.optim))
    if arguments.optim_target_modules:
        if not name.startswith(("galore", "apollo")):
            yield f"training.optim_target_modules is set, which training.optim {name} does not read. Leave it out."
    elif not unreadable:
        try:
            Trainer.get_optimizer_cls_and_kwargs(arguments, model)
        except (ImportError, ValueError) as error:
            why = "needs a package that is not installed" if isinstance(error, ImportError) else "cannot be made"
            yield f"training.optim is {name}, which {why}: {' '.join(str(error).split())}"
        else:
            for option in _unread_options(arguments, model):
                yield f"training.optim_args sets {option}, which training.optim {name} does not read. Leave it out."
    schedule = getattr(arguments.lr_scheduler_type, "value", arguments.lr_scheduler_type)
    options: Any = arguments.lr_scheduler_kwargs
    try:
        get_scheduler(
            arguments.lr_scheduler_type,
            optimizer=torch.optim.SGD(model.parameters(), lr=arguments.learning_rate),
            num_warmup_steps=1,
            num_training_steps=2,
            scheduler_specific_kwargs=dict(options) if options else None,
        )
    except (TypeError, ValueError) as error:
        yield (
            f"training.lr_scheduler_type is {schedule}, which cannot be made: {' '.join(str(error).split())} "
            "Its settings are training.lr_scheduler_kwargs."
        )


def report_to_problems(report_to: str | Sequence[str]) -> list[str]:
    """Return a message for each problem with `training.report_to`: `none`, `all` (that is installed), or names."""
    asked = [report_to] if isinstance(report_to, str) else list(report_to)
    if not asked or (len(asked) == 1 and asked[0] in ("none", "all")):
        return []
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    known = list(INTEGRATION_TO_CALLBACK)
    right = ["none", "all", *known] if len(asked) == 1 else known
    problems = [
        f"training.report_to: {did_you_mean('integration', name, right)}" for name in asked if name not in known
    ]
    missing = [name for name in asked if name in known and not _is_installed(name)]
    return problems + [
        f"training.report_to names {name}, which is not installed. Run `pip install {_PACKAGES.get(name, name)}`, or "
        "set training.report_to to none (log.jsonl in the run's folder has all numbers)."
        for name in missing
    ]


def _is_installed(name: str) -> bool:
    from transformers.integrations import integration_utils

    if name == "kubeflow":  # part of the cluster, not a package
        return True
    if name == "azure_ml":  # listed as available only where mlflow does not take its place
        return bool(integration_utils.is_azureml_available())
    if name == "flyte":  # never listed as available
        return bool(integration_utils.is_flytekit_available())
    return name in integration_utils.get_available_reporting_integrations()
