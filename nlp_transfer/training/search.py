"""Trainers beside a trainer: one for each value to try, and one of the source alone, to be compared with.

They begin with the same weights and differ in what is named alone. A trainer with a `target_dataset` keeps the model as
it came in main memory for that; another one needs `model_init`, as for hyper-parameter search.
"""

import dataclasses
import gc
import hashlib
import math
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_transfer.config.search_space import CANDIDATES, NUMBERS, combinations, describe_values, search_problems
from nlp_transfer.config.typed_values import check_field
from nlp_transfer.errors import ConfigError, TrainingError, did_you_mean, format_value
from nlp_transfer.methods.base import Method, check_all
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.extensions.activation_cache import log_message
from nlp_transfer.training.extensions.checkpoint_selection import label_free_metric
from nlp_transfer.training.source_weights import DISTANCE, SIZE
from nlp_transfer.training.target_batches import without_labels
from nlp_transfer.training.target_checks import check_pairs
from nlp_transfer.training.twins import TwinMixin


class BesideMixin(TwinMixin):
    """See the module's text. A part of `TransferMixin`."""

    def search(self, values: Mapping[str, Sequence[Any]], *, resume: bool = False) -> typing.Self:
        """Train a trainer for each value, and take the best by `metric_for_best_model`; instead of `train`.

        A label-free metric, such as `target_infomax`, chooses how strong a method acts without target labels. Each is
        trained in a folder of its own in `candidates/` of the output folder.

        Args:
            values: to try, by their paths, as `search` of a configuration: `{"methods.dann.weight": [0.03, 0.1]}`; of
                `training.…` those that are numbers. Of several paths all combinations are tried.
            resume: go on with what an interrupted call of the same values has trained; begin the others.

        Returns:
            The best trainer, trained; the first of those that are as good. This one stays as it is, untrained.

        Raises:
            ConfigError: with all that is wrong with the values, before any is trained; or no other trainer can be made.
            CheckpointError: a folder holds checkpoints already, and `resume` was not given, or they are of another
                training.
            TrainingError: a candidate has no score.
        """
        tried = self._candidates(values)
        greater = bool(self.args.greater_is_better)
        best, best_words = None, ""
        for number, (words, methods, changes) in enumerate(tried, start=1):
            folder = Path(str(self.args.output_dir)) / CANDIDATES / _file_name(words)
            trainer = self.trained_twin(folder, resume=resume, training=changes, methods=methods)
            score = trainer.state.best_metric
            if score is None or not math.isfinite(score):
                raise TrainingError(
                    f"Candidate {number} of {len(tried)}, {words}: {self.args.metric_for_best_model} is {score}, by "
                    f"which nothing can be chosen. {folder} has its checkpoints."
                )
            log_message(
                f"Candidate {number} of {len(tried)}, {words}: {self.args.metric_for_best_model} {score:.4g} "
                f"({folder})."
            )
            known = None if best is None else best.state.best_metric
            if known is None or (score > known if greater else score < known):
                best, best_words = trainer, words
            del trainer
            gc.collect()  # a trainer and its parts name one another, and would hold the worse model
        assert best is not None
        log_message(f"Chosen by {self.args.metric_for_best_model}: {best_words}.")
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
            ConfigError: no method uses the target, or another trainer cannot be made.
            CheckpointError: the folder holds checkpoints already, and `resume` was not given, or they are of another
                training.
        """
        if not any(method.needs_target for method in self.methods):
            raise ConfigError("No method of this trainer uses the target: it is trained on the source alone itself.")
        methods = tuple(method for method in self.methods if not method.needs_target)
        changes = {"source_weights": SIZE} if getattr(self.args, "source_weights", SIZE) == DISTANCE else {}
        target = self._given["target_dataset"] if label_free_metric(self.args) else None
        return self.trained_twin(
            Path(str(self.args.output_dir)) / SOURCE_ONLY,
            resume=resume,
            methods=methods,
            training=changes,
            target_dataset=None if target is None else without_labels(target),
        )

    # ---- making them ----

    def _candidates(self, values: Mapping[str, Sequence[Any]]) -> list[tuple[str, tuple[Method, ...], dict[str, Any]]]:
        """What to train, checked: the values in words, the methods, and the arguments that differ."""
        if not isinstance(values, Mapping) or not values:
            given = "no values" if isinstance(values, Mapping) else format_value(values)
            raise ConfigError(f'search was given {given}; expected such as {{"methods.dann.weight": [0.03, 0.1]}}.')
        if problems := search_problems(values, self.args, self.methods):
            raise ConfigError(problems)
        initial_model, found = self.initial_model(), []
        for combination in combinations(values):
            methods = {method.name: method for method in self.methods}
            training: dict[str, Any] = {}
            wrong: list[str] = []
            for path, value in combination.items():
                section, name = path.split(".", 1)
                if section == "training":
                    training[name] = _read(TransferArguments, name, value, path, wrong, NUMBERS)
                elif (method := methods.get(name.partition(".")[0])) is None:
                    wrong.append(f"{path}: {did_you_mean('method', name.partition('.')[0], methods)}")
                else:
                    methods[method.name] = _changed(method, name.partition(".")[2], value, path, wrong)
            try:
                if not wrong:
                    arguments = self.own_arguments().with_output_dir(str(self.args.output_dir), **training)
                    check_pairs(tuple(methods.values()), arguments)
                    check_all(tuple(methods.values()), initial_model)
            except ConfigError as error:
                wrong += error.problems
            problems += [f"search: {problem}" for problem in wrong]
            found.append((describe_values(combination), tuple(methods.values()), training))
        if problems:
            raise ConfigError(problems)
        return found


def _read(cls: type, name: str, value: Any, path: str, problems: list[str], names: Sequence[str] = ()) -> Any:
    """A value as a dataclass's field takes it; None, and a problem, where it does not.

    Args:
        cls: the dataclass.
        name: of the field.
        value: what was given.
        path: where, for messages.
        problems: what is wrong is added here.
        names: of the fields that may be named; empty are all.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if names and name in fields and name not in names:
        problems.append(f"{path} cannot be chosen here; expected one of {', '.join(names)}. Make a trainer for each.")
        return None
    if name not in fields:
        problems.append(f"{path}: {did_you_mean('key', name, names or sorted(fields))}")
        return None
    return check_field(fields[name], typing.get_type_hints(cls)[name], value, path, problems)


def _changed(method: Method, name: str, value: Any, path: str, problems: list[str]) -> Method:
    """The method with another value; what is wrong with it is added to the problems."""
    before = len(problems)
    read = _read(type(method), name, value, path, problems)
    try:
        return method if len(problems) > before else dataclasses.replace(method, **{name: read})
    except ConfigError as error:
        problems += error.problems
        return method


def _file_name(words: str) -> str:
    """A candidate's folder, such as `methods.dann.weight=0.03`: other values never go on from its checkpoints."""
    name = re.sub(r"[^\w.,=-]+", "_", words.replace(", ", ",").replace(" ", "="))
    return name if len(name) <= 120 else f"{name[:100]}…{hashlib.sha256(words.encode()).hexdigest()[:12]}"
