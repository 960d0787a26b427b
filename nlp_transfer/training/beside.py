"""Trainers beside a trainer: one for each value to try, and one of the source alone, to be compared with.

They begin with the same weights and differ in what is named alone. A trainer with a `target_dataset` keeps the model as
it came in main memory for that; another one needs `model_init`, as for hyper-parameter search.
"""

import copy
import dataclasses
import gc
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import set_seed

from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.reading.typed import check_field
from nlp_transfer.training.activations import said
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.choices import CANDIDATES, choosing_problems, combinations, in_words
from nlp_transfer.training.resuming import ResumingMixin
from nlp_transfer.training.selection import label_free_metric
from nlp_transfer.training.sources import DISTANCE, SIZE
from nlp_transfer.training.target_rows import without_labels

if TYPE_CHECKING:
    from torch import nn


class BesideMixin(ResumingMixin):
    """See the module's text. A part of `TransferMixin`."""

    _given: dict[str, Any]
    """The arguments that the trainer was made with, but for the model."""

    _untrained: "nn.Module | None" = None
    """The model as it came, before the methods changed it."""

    def choose(self, values: Mapping[str, Sequence[Any]], *, resume: bool = False) -> typing.Self:
        """Train a trainer for each value, and take the best by `metric_for_best_model`; instead of `train`.

        A label-free metric, such as `target_infomax`, chooses how strong a method acts without target labels. Each is
        trained in a folder of its own in `candidates/` of the output folder.

        Args:
            values: to try, by their paths, as `choose` of a configuration: `{"methods.dann.weight": [0.03, 0.1]}`; of
                `training.…` those that are numbers. Of several paths all combinations are tried.
            resume: go on with what an interrupted call of the same values has trained; begin the others.

        Returns:
            The best trainer, trained. The first of those that are as good.

        Raises:
            ConfigError: with all that is wrong with the values, before any is trained.
            CheckpointError: a folder holds checkpoints already, and `resume` was not given.
        """
        tried = self._candidates(values)
        greater = bool(self.args.greater_is_better)
        best, best_words = None, ""
        for number, (words, methods, changes) in enumerate(tried, start=1):
            folder = Path(str(self.args.output_dir)) / CANDIDATES / _file_name(words)
            trainer = self._beside(folder, resume=resume, methods=methods, training=changes)
            score = trainer.state.best_metric
            assert score is not None, "checked with the values: there is a metric to choose by"
            said(
                f"Candidate {number} of {len(tried)}, {words}: {self.args.metric_for_best_model} {score:.4f} "
                f"({folder})."
            )
            known = None if best is None else best.state.best_metric
            if known is None or (score > known if greater else score < known):
                best, best_words = trainer, words
            del trainer
            gc.collect()  # a trainer and its parts name one another, and would hold the worse model
        assert best is not None
        said(f"Chosen by {self.args.metric_for_best_model}: {best_words}.")
        return best

    def train_source_only(self, *, resume: bool = False) -> typing.Self:
        """Train the same recipe without the methods that use the target, to compare with.

        It is trained in `source_only/` of the output folder. What does not see the target stays as it is: other
        methods, arguments, first weights, seeds. Shares of several sources by their distance to the target become those
        by size. A label-free `metric_for_best_model` chooses its checkpoint, too.

        Args:
            resume: go on with what an interrupted call has trained, where there is something.

        Returns:
            The trainer, trained.

        Raises:
            ConfigError: no method uses the target.
            CheckpointError: the folder holds checkpoints already, and `resume` was not given.
        """
        if not any(method.needs_target for method in self.methods):
            raise ConfigError("No method of this trainer uses the target: it is trained on the source alone itself.")
        methods = tuple(method for method in self.methods if not method.needs_target)
        changes = {"source_weights": SIZE} if getattr(self.args, "source_weights", SIZE) == DISTANCE else {}
        target = self._given["target_dataset"] if label_free_metric(self.args) else None
        return self._beside(
            Path(str(self.args.output_dir)) / SOURCE_ONLY,
            resume=resume,
            methods=methods,
            training=changes,
            target_dataset=None if target is None else without_labels(target),
        )

    # ---- making them ----

    def _candidates(self, values: Mapping[str, Sequence[Any]]) -> list[tuple[str, tuple[Method, ...], dict[str, Any]]]:
        """What to train, checked: the values in words, the methods, and the arguments that differ."""
        if not values:
            raise ConfigError('choose was given no values; expected such as {"methods.dann.weight": [0.03, 0.1]}.')
        problems = choosing_problems(values, self.args, self.methods)
        found = []
        for combination in [] if problems else combinations(values):
            methods = {method.name: method for method in self.methods}
            training: dict[str, Any] = {}
            for path, value in combination.items():
                section, *steps = path.split(".")
                if section == "training":
                    name, wrong = ".".join(steps), _number_problem(self.args, ".".join(steps), value)
                    problems += [f"choose: {path} {wrong}"] if wrong else []
                    training |= {} if wrong else {name: value}
                elif len(steps) != 2:
                    problems.append(f"choose: {path} names no value of a method; expected methods.NAME.VALUE.")
                elif steps[0] not in methods:
                    problems.append(f"choose: {path}: {did_you_mean('method', steps[0], methods)}")
                else:
                    methods[steps[0]] = _changed(methods[steps[0]], steps[1], value, path, problems)
            try:
                self._arguments().elsewhere(str(self.args.output_dir), **training)
            except ConfigError as error:
                problems += [f"choose: {problem}" for problem in error.problems]
            found.append((in_words(combination), tuple(methods.values()), training))
        if problems:
            raise ConfigError(problems)
        return found

    def _arguments(self) -> TransferArguments:
        if not isinstance(self.args, TransferArguments):
            raise ConfigError(
                f"args are {type(self.args).__name__}, and others beside this trainer need TransferArguments, which "
                "takes the same."
            )
        return self.args

    def _beside(
        self, folder: Path, *, resume: bool, methods: tuple[Method, ...], training: Mapping[str, Any], **changes: Any
    ) -> typing.Self:
        """Another trainer like this one, trained in a folder; `changes` are arguments that it is made with."""
        reason = None
        if self._given["context"] is not None:
            reason = "it was given a context, as a configuration's run does, which chooses and compares by itself"
        elif any(part is not None for part in self._given["optimizers"]):
            reason = "optimizers belong to one model"
        elif self.model_init is None and self._untrained is None:
            reason = "there is no model_init, nor a target_dataset"
        if reason:
            raise ConfigError(f"Other trainers beside this one cannot be made: {reason}.")
        given = {
            **self._given,
            "methods": methods,
            "args": self._arguments().elsewhere(str(folder), **training),
            **changes,
        }
        given["callbacks"] = [copy.copy(callback) for callback in given["callbacks"]]
        set_seed(self.args.seed)  # what methods add begins alike, too
        model = None if self.model_init is not None else copy.deepcopy(self._untrained)
        other = type(self)(model=model, **given)
        other.stop_signals = self.stop_signals
        newest, passed = other.newest_checkpoint()
        if (newest or passed) and not resume:
            raise CheckpointError(
                f"{folder} holds checkpoints of an earlier training. Go on from them with resume=True, or begin anew "
                "with another output_dir."
            )
        other.train(resume_from_checkpoint=newest is not None)
        return other


def _changed(method: Method, name: str, value: Any, path: str, problems: list[str]) -> Method:
    """The method with another value; what is wrong with it is added to the problems."""
    fields = {field.name: field for field in dataclasses.fields(method)}
    if name not in fields:
        problems.append(f"choose: {path}: {did_you_mean('key', name, sorted(fields))}")
        return method
    wrong: list[str] = []
    read = check_field(fields[name], typing.get_type_hints(type(method))[name], value, path, wrong)
    if not wrong:
        try:
            return dataclasses.replace(method, **{name: read})
        except ConfigError as error:
            wrong += error.problems
    problems += [f"choose: {problem}" for problem in wrong]
    return method


def _number_problem(arguments: Any, name: str, value: Any) -> str | None:
    """What is wrong with a value for an argument, which must be a number; None where nothing is."""
    fields = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(arguments) if field.init}
    if name not in fields:
        return f"cannot be chosen: {did_you_mean('key', name, [key for key in fields if _is_number(fields[key])])}"
    if not _is_number(fields[name]):
        return "is no number, and of training only numbers can be chosen. Make a trainer for each."
    return None if _is_number(value) else f"has {value!r}; expected a number."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _file_name(words: str) -> str:
    """A candidate's folder, such as `methods.dann.weight=0.03`: other values never go on from its checkpoints."""
    return re.sub(r"[^\w.,=-]+", "_", words.replace(", ", ",").replace(" ", "="))
