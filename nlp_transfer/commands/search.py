"""Search over values of methods and training arguments: train one run for each combination, and take the best.

Each candidate is trained in `candidates/` of the output folder. `metric_for_best_model` selects the best; a label-free
metric, such as `target_infomax`, needs no target labels. Finished candidates are not trained again.
"""

import dataclasses
import gc
import hashlib
import json
import logging
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import Trainer

from nlp_transfer.config.experiment import Experiment, candidate_configs
from nlp_transfer.config.search_space import NUMBERS, combinations, describe_values, search_problems
from nlp_transfer.config.typed_values import check_field
from nlp_transfer.errors import ConfigError, TrainingError, did_you_mean, format_value
from nlp_transfer.methods.base import Method, check_all
from nlp_transfer.reporting.report import SearchSummary
from nlp_transfer.reporting.run_folder import CANDIDATES, CHECKPOINTS, LOG
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.method_setup import MethodsLike
from nlp_transfer.training.recipe import MakeTrainer, Recipe
from nlp_transfer.training.target_checks import pair_problems

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.training.trainer import TransferTrainer

log = logging.getLogger(__name__)


class BestCandidate:
    """Keep the best of `count` candidates as they are scored by a metric, one after another."""

    def __init__(self, metric: str, *, greater_is_better: bool, count: int) -> None:
        self.metric, self.count = metric, count
        self.scores: dict[str, float] = {}
        self.values = ""
        self._sign = 1 if greater_is_better else -1

    def add(self, values: str, score: float, where: str = "") -> bool:
        """Add a candidate's score; return True if it is the best so far (the first on ties)."""
        number = len(self.scores) + 1
        log.info("Candidate %d of %d, %s: %s %.4f%s.", number, self.count, values, self.metric, score, where)
        best = not self.scores or self._sign * score > self._sign * self.scores[self.values]
        self.scores[values] = score
        if best:
            self.values = values
        if len(self.scores) == self.count:
            log.info("Chosen by %s: %s.", self.metric, self.values)
        return best


# ---- of an experiment ----


def candidates(experiment: Experiment) -> Iterator[tuple[str, Experiment]]:
    """Yield each candidate of an experiment, (values in words, experiment), without baselines of any kind."""
    folder = Path(str(experiment.training.output_dir)) / CANDIDATES
    plain: dict[str, Any] = {"source_only_baseline": False, "baselines": (), "prior_correction": False}
    for number, (values, made) in enumerate(candidate_configs(experiment)):
        training = made.training.with_output_dir(str(folder / str(number)))
        yield describe_values(values), dataclasses.replace(made, training=training, **plain)


def search_experiment(
    experiment: Experiment, run: Callable[[Experiment], Any]
) -> tuple[Experiment, Path, SearchSummary]:
    """Run an experiment's candidates by `run`; return the best, its run's folder, and all scores, on all processes."""
    metric = str(experiment.training.metric_for_best_model).removeprefix("eval_")
    greater = bool(experiment.training.greater_is_better)
    tried = list(candidates(experiment))
    best = BestCandidate(metric, greater_is_better=greater, count=len(tried))
    for values, candidate in tried:
        run(candidate)
        folder = Path(str(candidate.training.output_dir))
        shared = [score_of(folder, metric, greater=greater) if PartialState().is_main_process else 0.0]
        best.add(values, broadcast_object_list(shared)[0] if PartialState().num_processes > 1 else shared[0])
    chosen = [values for values, _ in tried].index(best.values)
    _, made = candidate_configs(experiment)[chosen]
    return made, Path(str(tried[chosen][1].training.output_dir)), SearchSummary(metric, best.scores, best.values)


def score_of(folder: Path, metric: str, *, greater: bool) -> float:
    """Return the best evaluation of a finished candidate's training, whose weights it has."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    found = [entry[f"eval_{metric}"] for entry in map(json.loads, lines) if entry.get(f"eval_{metric}") is not None]
    if not found:
        raise TrainingError(f"{folder / LOG} has no evaluation with {metric}, by which candidates are judged.")
    return float((max if greater else min)(found))


def promote(candidate: Path, folder: Path) -> None:
    """Move the best candidate's checkpoints into the run's folder, from which the run continues."""
    theirs, ours = candidate / CHECKPOINTS, folder / CHECKPOINTS
    if theirs.exists() and not ours.exists():
        theirs.rename(ours)


# ---- of a trainer ----


def search(
    make_trainer: MakeTrainer,
    values: Mapping[str, Sequence[Any]],
    *,
    args: TransferArguments,
    methods: MethodsLike = (),
    target_dataset: "Dataset | None" = None,
    resume: bool = False,
) -> "TransferTrainer":
    """Train a trainer for each combination of values; return the best by `metric_for_best_model` (the first on ties).

    Args:
        make_trainer: makes a trainer from `args`, `methods` and `target_dataset`, with `model_init`; for example
            `partial(TransferTrainer, model_init=…, train_dataset=…, eval_dataset=…)`.
        values: values to try by path, such as `{"methods.dann.weight": [0.03, 0.1]}`; of `training.…` the numbers.
        args: the arguments; candidates are trained in `candidates/` of their output folder.
        methods: one or several.
        target_dataset: encoded target rows.
        resume: continue an interrupted search of the same values.

    Raises:
        ConfigError: all that is wrong with the values, before any is trained; or a trainer cannot be made.
        CheckpointError: a folder holds checkpoints, and `resume` is false or they are of another recipe.
        TrainingError: a candidate has no score.

    Example:
        >>> choice = {"metric_for_best_model": "loss", "load_best_model_at_end": True}
        >>> arguments = TransferArguments("runs/dann", eval_strategy="epoch", save_strategy="epoch", **choice)
        >>> recipe = {"args": arguments, "methods": [DANN()], "target_dataset": target_rows}
        >>> best = search(make_trainer, {"methods.dann.weight": [0.03, 0.1]}, **recipe)
        >>> sorted(path.name for path in Path("runs/dann/candidates").iterdir())
        ['methods.dann.weight=0.03', 'methods.dann.weight=0.1']
    """
    recipe = Recipe.of(args, methods, target_dataset)
    tried = _recipes(make_trainer, recipe, values)
    metric = str(args.metric_for_best_model).removeprefix("eval_")
    scored = BestCandidate(metric, greater_is_better=bool(args.greater_is_better), count=len(tried))
    best: TransferTrainer | None = None
    for number, (words, candidate) in enumerate(tried.items(), start=1):
        trainer = candidate.train(make_trainer, resume=resume)
        score, folder = trainer.state.best_metric, candidate.args.output_dir
        if score is None or not math.isfinite(score):
            where = f"Candidate {number} of {len(tried)}, {words}"
            raise TrainingError(f"{where}: {metric} is {score}, by which nothing can be chosen. See {folder}.")
        if scored.add(words, score, f" ({folder})"):
            best = trainer
        del trainer
        gc.collect()  # a trainer and its parts refer to one another, and would hold the worse model
    assert best is not None
    return best


def _recipes(make_trainer: MakeTrainer, recipe: Recipe, values: Mapping[str, Sequence[Any]]) -> dict[str, Recipe]:
    """Return the candidates by their values in words, all checked."""
    if not isinstance(values, Mapping) or not values:
        given = "no values" if isinstance(values, Mapping) else format_value(values)
        raise ConfigError(f'search was given {given}; expected such as {{"methods.dann.weight": [0.03, 0.1]}}.')
    if problems := search_problems(values, recipe.args, recipe.methods):
        raise ConfigError(problems)
    initial_model: Any = Trainer.call_model_init(recipe.make(make_trainer))  # without methods
    tried = {}
    for combination in combinations(values):
        wrong: list[str] = []
        candidate = _with_values(recipe, combination, wrong)
        try:
            if not wrong:
                wrong += pair_problems(candidate.methods, candidate.args)
                check_all(candidate.methods, initial_model)
        except ConfigError as error:
            wrong += error.problems
        problems += [f"search: {problem}" for problem in wrong]
        tried[describe_values(combination)] = candidate
    if problems:
        raise ConfigError(problems)
    return tried


def _with_values(recipe: Recipe, values: Mapping[str, Any], problems: list[str]) -> Recipe:
    """Return the recipe with values by path; what is wrong with them is added to `problems`."""
    methods = {method.name: method for method in recipe.methods}
    training: dict[str, Any] = {}
    for path, value in values.items():
        section, name = path.split(".", 1)
        if section == "training":
            training[name] = _read(TransferArguments, name, value, path, problems, NUMBERS)
        elif (method := methods.get(name.partition(".")[0])) is None:
            problems.append(f"{path}: {did_you_mean('method', name.partition('.')[0], methods)}")
        else:
            methods[method.name] = _changed(method, name.partition(".")[2], value, path, problems)
    if problems:
        return recipe
    folder = Path(str(recipe.args.output_dir)) / CANDIDATES / _file_name(describe_values(values))
    try:
        args = recipe.args.with_output_dir(str(folder), **training)
    except ConfigError as error:
        problems += error.problems
        return recipe
    return dataclasses.replace(recipe, args=args, methods=tuple(methods.values()))


def _read(cls: type, name: str, value: Any, path: str, problems: list[str], names: Sequence[str] = ()) -> Any:
    """Return a value as a dataclass's field takes it; None, and a problem, if it does not or is not in `names`."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if names and name in fields and name not in names:
        problems.append(f"{path} cannot be chosen here; expected one of {', '.join(names)}. Make a trainer for each.")
        return None
    if name not in fields:
        problems.append(f"{path}: {did_you_mean('key', name, names or sorted(fields))}")
        return None
    return check_field(fields[name], typing.get_type_hints(cls)[name], value, path, problems)


def _changed(method: Method, name: str, value: Any, path: str, problems: list[str]) -> Method:
    """Return the method with another value; problems are added."""
    before = len(problems)
    read = _read(type(method), name, value, path, problems)
    try:
        return method if len(problems) > before else dataclasses.replace(method, **{name: read})
    except ConfigError as error:
        problems += error.problems
        return method


def _file_name(words: str) -> str:
    """Return a candidate's folder name, such as `methods.dann.weight=0.03`: other values never share a folder."""
    name = re.sub(r"[^\w.,=-]+", "_", words.replace(", ", ",").replace(" ", "="))
    return name if len(name) <= 120 else f"{name[:100]}…{hashlib.sha256(words.encode()).hexdigest()[:12]}"
