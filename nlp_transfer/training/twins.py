"""Another trainer like a trainer: made with the same arguments, the same first weights and the same random numbers.

It is trained in a folder of its own, beside a record of its recipe (`RECIPE`): what went on from other arguments, rows
or first weights would be neither the one training nor the other, and is refused.
"""

import copy
import dataclasses
import hashlib
import inspect
import json
import random
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
import torch
from transformers import Trainer

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.checkpoint_writer import method_settings
from nlp_transfer.training.neutral_settings import is_result_neutral
from nlp_transfer.training.runtime import random_states, set_random_state
from nlp_transfer.training.seams import TransferSeams

if TYPE_CHECKING:
    from torch import nn

RECIPE = "recipe.json"
"""The file in a twin's folder that says what it was trained from."""

_CURRENT = ("train_dataset", "eval_dataset", "compute_metrics")
"""Arguments that a user may have changed on the trainer since; the trainer's are taken."""


class TwinMixin(TransferSeams):
    """See the module's text. A part of `TransferMixin`."""

    _made_with: dict[str, Any]
    """All arguments of the trainer by name, a subclass's own among them."""

    _given: dict[str, Any]
    """What the mixin was given of the arguments that are looked at again."""

    _untrained: "nn.Module | None" = None
    """The model as it came, before the methods changed it; kept where there is a target."""

    _drawn_from: Any = None
    """The random states from which methods drew the first weights of what they add."""

    def __new__(cls, *args: Any, **kwargs: Any) -> typing.Self:
        """Keep the arguments, whatever a subclass makes of them; callbacks as they are before they count."""
        self = super().__new__(cls)
        self._made_with = _by_name(cls, args, kwargs)
        if self._made_with.get("callbacks"):
            self._made_with["callbacks"] = [copy.copy(callback) for callback in self._made_with["callbacks"]]
        return self

    def trained_twin(self, folder: Path, *, resume: bool, training: Mapping[str, Any], **changes: Any) -> typing.Self:
        """Another trainer like this one, trained; random states are left as they were.

        Args:
            folder: its output folder.
            resume: go on with what is there.
            training: training arguments that differ.
            changes: other arguments of the trainer that differ.

        Raises:
            ConfigError: another one cannot be made.
            CheckpointError: the folder holds a training, and `resume` was not given, or it is of another recipe.
        """
        arguments = self.own_arguments().with_output_dir(str(folder), **training)
        with _random_states_kept(self.args.device):
            if self._drawn_from is not None:
                _set_random_states(self._drawn_from, self.args.device)
            twin = self._twin({"args": arguments, **changes})
            twin.stop_signals = self.stop_signals
            newest, passed = twin.resume.newest_checkpoint()
            if (newest or passed) and not resume:
                raise CheckpointError(
                    f"{folder} holds checkpoints of an earlier training. Go on from them with resume=True, or begin "
                    "anew with another output_dir."
                )
            _check_recipe(twin, folder, goes_on=newest is not None)
            twin.train(resume_from_checkpoint=newest is not None)
        return twin

    def own_arguments(self) -> TransferArguments:
        """The training arguments, of a kind that can be had for another folder."""
        if not isinstance(self.args, TransferArguments):
            raise ConfigError(
                f"args are {type(self.args).__name__}, and others beside this trainer need TransferArguments, which "
                "takes the same."
            )
        return self.args

    def initial_model(self) -> Any:
        """A model as it is before the methods change it.

        Raises:
            ConfigError: there is none.
        """
        self._check_can_be_made()
        if self._untrained is not None:
            return self._untrained
        with _random_states_kept(self.args.device):
            return Trainer.call_model_init(self)

    def _check_can_be_made(self) -> None:
        reason = None
        if self._given["context"] is not None:
            reason = "it was given a context, as a configuration's run does, which chooses and compares by itself"
        elif any(part is not None for part in self._given["optimizers"]):
            reason = "optimizers are of one model's weights. Leave them out; the arguments choose an optimizer, too"
        elif self.model_init is None and self._untrained is None:
            reason = (
                "its model is trained in place. Give model_init=lambda: …, which makes one, in place of model; or a "
                "target_dataset, with which a copy is kept"
            )
        if reason:
            raise ConfigError(f"Other trainers beside this one cannot be made: {reason}.")

    def _twin(self, changes: Mapping[str, Any]) -> typing.Self:
        given = dict(self._made_with)
        if _maker(type(self)).__module__.startswith(f"{__package__}."):  # a user's own may change them itself
            given |= {name: getattr(self, name) for name in _CURRENT if getattr(self, name) is not self._given[name]}
        if given.get("callbacks"):
            given["callbacks"] = [copy.copy(callback) for callback in given["callbacks"]]
        given |= changes
        self._check_can_be_made()
        if self.model_init is None:
            given["model"] = copy.deepcopy(self._untrained)
        try:
            twin = type(self)(**given)
        except (TypeError, LookupError) as error:
            raise ConfigError(
                f"Other trainers beside this one cannot be made: {type(self).__name__} does not take what they need by "
                f"name ({error}). Let its __init__ take **kwargs, and hand on what it is given."
            ) from error
        twin._untrained = self._untrained  # one copy for all
        return twin


def _maker(cls: type) -> type:
    """The class whose `__init__` makes objects of a class."""
    return next(one for one in cls.__mro__ if "__init__" in vars(one))


def _by_name(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that an object was made with, by name, also those that a subclass hands on as they come."""
    given: dict[str, Any] = {}
    bound = inspect.signature(vars(_maker(cls))["__init__"]).bind(None, *args, **kwargs)
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            handed_on = [one for one in inspect.signature(Trainer).parameters if one not in given]
            given |= dict(zip(handed_on, value, strict=False))
        else:
            given[name] = value
    return given


# ---- recipes ----


def _check_recipe(twin: TwinMixin, folder: Path, *, goes_on: bool) -> None:
    """Compare what a twin is to be trained from with what its folder was; write it down where it is new."""
    recipe, file = json.loads(json.dumps(_recipe(twin), default=str)), folder / RECIPE
    if not goes_on:
        if twin.args.should_save:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
        return
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder} holds checkpoints, and {file.name}, which would say what of, cannot be read ({error}). Choose "
            "another output_dir."
        ) from error
    different = [
        f"{name}: {there.get(name)} -> {recipe.get(name)}"
        for name in {**there, **recipe}
        if there.get(name) != recipe.get(name)
    ]
    if different:
        raise CheckpointError(
            f"{folder} holds checkpoints of another training. Choose another output_dir, or give what it was trained "
            f"with (there -> now): {'; '.join(different)}."
        )


def _recipe(twin: TwinMixin) -> dict[str, Any]:
    """What decides how a twin's training ends, by name; functions that were given are not among it."""
    arguments = {
        f"training.{field.name}": getattr(twin.args, field.name)
        for field in dataclasses.fields(twin.args)
        if field.init and not field.name.endswith("token") and not is_result_neutral(f"training.{field.name}")
    }
    weights = hashlib.sha256()
    model: Any = twin.model
    for name, tensor in model.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return {
        **arguments,
        "optimizer_cls_and_kwargs": twin._given["optimizer_cls_and_kwargs"],
        "methods": method_settings(twin.methods),
        "train_dataset": _content(twin.train_dataset),
        "eval_dataset": _content(twin.eval_dataset),
        "target_dataset": _content(twin._given["target_dataset"]),
        "first weights": weights.hexdigest(),
        "processes": twin.args.world_size,
    }


def _content(dataset: Any) -> Any:
    """What stands for a dataset: how many rows, and their digest; its kind alone where it is another library's."""
    if isinstance(dataset, dict):
        return {name: _content(part) for name, part in dataset.items()}
    if dataset is None or not hasattr(dataset, "select_columns"):
        return type(dataset).__name__
    digest = hashlib.sha256()
    for batch in dataset.with_format("arrow").iter(10_000):
        table, stream = batch.replace_schema_metadata(None).combine_chunks(), pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        digest.update(stream.getvalue())
    return f"{len(dataset)} rows, {digest.hexdigest()}"


# ---- random states ----


def _set_random_states(states: Any, device: torch.device) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    set_random_state(states[2], device)


@contextmanager
def _random_states_kept(device: torch.device) -> Iterator[None]:
    """What is drawn inside leaves no trace: the trainer beside then draws what it would have drawn."""
    states = random_states(device)
    try:
        yield
    finally:
        _set_random_states(states, device)
