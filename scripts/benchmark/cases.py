"""Benchmark files: cases, each a configuration and the stock side to compare with.

    base: {model: …, training: {…}}
    cases:
      full_scicite:
        stock: trainer                # or trainer+peft, pipeline
        rows: 500                     # of the training split; validation_rows, test_rows likewise
        source: {path: …}
        methods: [full_fine_tuning]
    growth:
      - {case: full_scicite, rows: 64, factors: [1, 2, 4, 8], processes: [1, 2]}    # one for each device

A case's configuration is `base` under the case's own keys; `training.output_dir` and `training.seed` are the session's.
"""

import copy
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.config.parsing import merge_tree, read_yaml
from nlp_transfer.config.typed_values import PartialConfig, build
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods import FrozenEncoder, FullFineTuning, LoRA, PartialFineTuning
from scripts.benchmark.settings import DeviceType, Growth, Settings

KEYS = ("base", "cases", "growth")

OF_THE_SESSION = ("output_dir", "seed", "use_cpu")
"""Training arguments that a benchmark file leaves to the command."""


@dataclass(frozen=True)
class Case:
    """Hold one comparison.

    Args:
        name: what it is called.
        settings: what stands beside the configuration.
        tree: the configuration's.
    """

    name: str
    settings: Settings
    tree: dict[str, Any]

    def config(self, folder: str | Path, *, seed: int = 0, batch_share: int = 1, defaults: bool = False) -> Experiment:
        """Return the configuration of one measurement.

        Args:
            folder: `training.output_dir`.
            seed: `training.seed`.
            batch_share: how many processes share a batch of the recipe.
            defaults: with this package's own precision and attention dropout.

        Raises:
            ConfigError: with every problem, the stock side's included, each with the case's name before it.
        """
        tree = copy.deepcopy(self.tree)
        own = {"output_dir": str(folder), "seed": seed, "use_cpu": self.settings.device == "cpu"}
        merge_tree(tree, {"training": own})
        if defaults:
            tree.pop("attention_dropout", None)
            merge_tree(tree, {"training": {"precision": "auto"}})
        try:
            config = load_config(tree=tree)
            if problems := _stock_problems(config, self.settings, defaults):
                raise ConfigError(problems)
        except ConfigError as error:
            raise ConfigError([f"cases.{self.name}: {problem}" for problem in error.problems]) from error
        if batch_share > 1:
            share = -(-config.training.per_device_train_batch_size // batch_share)
            config.training.per_device_train_batch_size = share
        return config

    def record(self) -> dict[str, Any]:
        """Return the case as a plain tree, which `case_of` reads."""
        return {"name": self.name, "settings": dataclasses.asdict(self.settings), "tree": self.tree}


def case_of(record: dict[str, Any]) -> Case:
    """Return the case of a tree that `Case.record` made."""
    return Case(record["name"], Settings(**record["settings"]), record["tree"])


@dataclass(frozen=True)
class Benchmark:
    """Hold a benchmark file.

    Args:
        cases: by name, in the file's order.
        growth: what `--growth` measures, one for a device.
        tree: the whole file.
    """

    cases: dict[str, Case]
    growth: tuple[Growth, ...]
    tree: dict[str, Any]

    def select(self, names: Sequence[str], device: DeviceType) -> list[Case]:
        """Return the cases of these names, or all of the device if none is named.

        Raises:
            ConfigError: a name that is not in the file, or of a case for another device; or nothing is left.
        """
        problems = [f"--only: {did_you_mean('case', name, self.cases)}" for name in names if name not in self.cases]
        chosen = [self.cases[name] for name in names or self.cases if name in self.cases]
        fitting = [case for case in chosen if case.settings.device == device]
        problems += [
            f"--only: {case.name} is a case for {case.settings.device}, and this session measures on {device}. "
            f"Give --device {case.settings.device}, on a machine that has it."
            for case in chosen
            if names and case not in fitting
        ]
        if not problems and not fitting:
            problems.append(f"No case of the file is for {device}; --list shows what each is for.")
        if problems:
            raise ConfigError(problems)
        return fitting

    def growth_on(self, device: DeviceType) -> Growth:
        """Return what `--growth` measures on a device.

        Raises:
            ConfigError: the file does not say, or wants more GPUs than there are.
        """
        for growth in self.growth:
            if self.cases[growth.case].settings.device == device:
                if device == "cuda" and max(growth.processes) > (found := torch.cuda.device_count()):
                    raise ConfigError(
                        f"growth: {growth.case} wants {max(growth.processes)} processes, one on each GPU, and there "
                        f"are {found} GPUs. Lower growth.processes."
                    )
                return growth
        raise ConfigError(f"--growth: the file's section growth names no case for {device}. Add {{case: …, rows: …}}.")


def read_benchmark(file: str | Path) -> Benchmark:
    """Read a benchmark file; the cases' configurations are checked later, by `check_configs`, for those that run.

    Raises:
        ConfigError: with every problem.
    """
    tree = read_yaml(file)
    problems = [f"{file}: {did_you_mean('key', key, KEYS)}" for key in tree if key not in KEYS]
    if not isinstance(tree.get("cases"), dict) or not tree["cases"]:
        problems.append(f"{file}: cases is {tree.get('cases')!r}; expected cases by name.")
        raise ConfigError(problems)
    cases = {
        name: _read_case(str(name), part, tree.get("base") or {}, problems) for name, part in tree["cases"].items()
    }
    sections = tree.get("growth") or []
    if not isinstance(sections, list):
        problems.append(f"{file}: growth is {sections!r}; expected a list, each with a case and rows.")
        sections = []
    growth = [_build(Growth, section, f"growth.{i}", problems) for i, section in enumerate(sections)]
    problems += [
        f"growth.{i}.case: {did_you_mean('case', one.case, cases)}"
        for i, one in enumerate(growth)
        if isinstance(one, Growth) and one.case not in cases
    ]
    if problems:
        raise ConfigError(problems)
    return Benchmark({name: case for name, case in cases.items() if case is not None}, tuple(growth), tree)


def check_configs(cases: Iterable[Case]) -> None:
    """Check the configurations of cases, the files of their corpora included.

    Raises:
        ConfigError: with every problem of every case.
    """
    problems: list[str] = []
    for case in cases:
        try:
            case.config("benchmark")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def _read_case(name: str, part: Any, base: dict[str, Any], problems: list[str]) -> Case | None:
    if not isinstance(part, dict):
        problems.append(f"cases.{name} is {part!r}; expected keys such as stock, rows, source.")
        return None
    names = {f.name for f in dataclasses.fields(Settings)}
    tree = copy.deepcopy(base)
    merge_tree(tree, {key: copy.deepcopy(value) for key, value in part.items() if key not in names})
    own = {
        **{key: value for key, value in base.items() if key in names},
        **{k: v for k, v in part.items() if k in names},
    }
    settings = _build(Settings, own, f"cases.{name}", problems)
    training = tree.setdefault("training", {})
    problems += [
        f"cases.{name}: training.{key} is the session's; leave it out of the file."
        for key in OF_THE_SESSION
        if isinstance(training, dict) and key in training
    ]
    if isinstance(settings, PartialConfig):
        return None
    return Case(name, settings, {key: value for key, value in tree.items() if key not in names})


def _build(cls: Any, tree: Any, path: str, problems: list[str]) -> Any:
    """Build as `build` does, and put the path in front of the object's own problems."""
    found: list[str] = []
    built = build(cls, tree, path, found)
    problems += [problem if problem.startswith(path) else f"{path}: {problem}" for problem in found]
    return built


def _stock_problems(config: Experiment, settings: Settings, defaults: bool) -> list[str]:
    """Return what the stock side cannot do as well, so that two different recipes would be compared."""
    problems = []
    if settings.stock != "pipeline" and config.attention_dropout is not None and not defaults:
        problems.append(
            f"attention_dropout is {config.attention_dropout}, and stock drops what the model's configuration says. "
            "Set it to null."
        )
    if config.training.max_steps > 0:
        problems.append("training.max_steps is set; tokens are counted in epochs: set training.num_train_epochs.")
    if len(config.methods) > 1:
        problems.append(f"methods holds {len(config.methods)}; a case compares one.")
    for method in config.methods:
        if not isinstance(method, FullFineTuning | PartialFineTuning | FrozenEncoder | LoRA):
            problems.append(f"methods: {method.name} has no stock side here; compare {', '.join(COMPARED)}.")
        elif settings.stock != "pipeline" and (settings.stock == "trainer+peft") != isinstance(method, LoRA):
            right = "trainer+peft" if isinstance(method, LoRA) else "trainer"
            problems.append(f"stock is {settings.stock}, but {method.name} stands beside {right}.")
        problems += [
            f"methods: {method.name}.{name} is {getattr(method, name)}, which a stock run does not have; leave it out."
            for name, usual in (("layer_decay", 1.0), ("gradual_unfreezing", False), ("learning_rate", None))
            if settings.stock != "pipeline" and getattr(method, name, usual) != usual
        ]
    return problems


COMPARED = tuple(method.name for method in (FullFineTuning, PartialFineTuning, FrozenEncoder, LoRA))
"""The methods that have a stock side."""
