"""One experiment: a YAML file of typed sections, any value of which the command line may override by its path.

    accelerate launch scripts/train.py --config configs/quickstart.yaml --training.learning_rate 2e-5

Files and overrides make one tree; every leaf is checked against the type of the dataclass field that it fills
(jsonargparse does that, so `2e-5`, `null` and lists mean what they say). All problems are reported together, before
anything is loaded.
"""

import copy
import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlp_transfer.data import CorpusConfig
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods import METHODS, FullFineTuning, Method
from nlp_transfer.methods.base import composition_problems
from nlp_transfer.reporting.baselines import BASELINES
from nlp_transfer.reporting.yaml_text import yaml_reader
from nlp_transfer.tasks import TASKS, SequenceClassification, Task
from nlp_transfer.training import TransferArguments


@dataclass(frozen=True)
class Config:
    """One experiment.

    Args:
        model: the pretrained encoder: a Hub id, a folder, or `package:NAME/FOLDER` inside an installed package.
        source: the domain that is learned from. Its test split is scored at the end.
        training: every argument of `transformers.TrainingArguments`, and ours.
        task: what is predicted.
        target: another domain that the model is scored on. Its labels are for the report only.
        methods: how knowledge moves.
        baselines: what stands beside the model in the report.
        tokenizer: where the tokenizer is, if not with the model.
        revision: the Hub model's commit, tag or branch.
        trust_remote_code: whether Python code that comes with the model may run; never that of another tokenizer.
        attention_dropout: dropout on attention weights. 0 lets the fused attention kernel run; null keeps the model's.
    """

    model: str
    source: CorpusConfig
    training: TransferArguments
    task: Task = field(default_factory=SequenceClassification)
    target: CorpusConfig | None = None
    methods: tuple[Method, ...] = (FullFineTuning(),)
    baselines: tuple[str, ...] = tuple(BASELINES)
    tokenizer: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    attention_dropout: float | None = 0.0

    def __post_init__(self) -> None:
        """Check what no section can check alone; raises ConfigError with all problems."""
        problems = [*self._source_problems(), *composition_problems(self.methods), *self._training_problems()]
        problems += _unknown_baselines(self.baselines)
        if self.attention_dropout is not None and not 0 <= self.attention_dropout < 1:
            problems.append(f"attention_dropout is {self.attention_dropout}; expected 0 <= value < 1, or null.")
        try:
            from nlp_transfer.models.locating import resolve_model

            resolve_model(self.model)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)

    def _source_problems(self) -> list[str]:
        problems = []
        for key, corpus in (("source", self.source), ("target", self.target)):
            if corpus is not None:
                problems += _corpus_problems(corpus, key)
        return problems

    def _training_problems(self) -> list[str]:
        problems = []
        if not self.training.output_dir:
            problems.append("training.output_dir is missing: the folder that the run writes to, such as runs/first.")
        metric = self.training.metric_for_best_model
        if metric is not None and metric.removeprefix("eval_") not in self.task.metric_names:
            guess = did_you_mean("metric", metric.removeprefix("eval_"), self.task.metric_names)
            problems.append(f"training.metric_for_best_model: {guess}")
        if self.training.label_smoothing_factor:
            problems.append(
                "training.label_smoothing_factor is set; the task computes the loss: set task.label_smoothing."
            )
        if not self.methods:
            problems.append("methods is empty: name at least one, such as full_fine_tuning.")
        if self.training.auto_find_batch_size:
            problems.append(
                "training.auto_find_batch_size restarts the schedule but keeps weights and optimizer state; lower "
                "training.per_device_train_batch_size and raise training.gradient_accumulation_steps instead."
            )
        return problems

    def record(self) -> dict[str, Any]:
        """The resolved configuration as a plain tree that `load_config` reads back; no secrets.

        Of the training arguments, those that were given are shown.
        """
        tree: dict[str, Any] = {"model": self.model, "task": {"name": self.task.name, **dataclasses.asdict(self.task)}}
        for key, corpus in (("source", self.source), ("target", self.target)):
            if corpus is not None:
                tree[key] = _set_values(corpus)
        tree["methods"] = [{"name": method.name, **dataclasses.asdict(method)} for method in self.methods]
        tree["baselines"] = list(self.baselines)
        for key in ("tokenizer", "revision", "trust_remote_code", "attention_dropout"):
            tree[key] = getattr(self, key)
        tree["training"] = _training_values(self.training)
        return tree


def load_config(
    files: Sequence[str | Path] = (),
    overrides: Sequence[tuple[str, Any]] = (),
    tree: Mapping[str, Any] | None = None,
) -> Config:
    """Read YAML files (later ones win), apply overrides, and check everything.

    Args:
        files: YAML files.
        tree: sections that were read already, under the files.
        overrides: (dotted path, value) pairs, e.g. ("training.learning_rate", 2e-5) or ("methods.lora.r", 16).

    Raises:
        ConfigError: with every problem that was found.
    """
    whole: dict[str, Any] = copy.deepcopy(dict(tree or {}))
    for file in files:
        merge_tree(whole, read_yaml(file))
    problems: list[str] = []
    for path, value in overrides:
        _override(whole, path, value, problems)
    values = _typed_sections(whole, problems)
    if problems:
        raise ConfigError(problems)
    return Config(**values)


def read_corpus_config(overrides: Sequence[tuple[str, Any]], key: str, options: Sequence[str] = ()) -> CorpusConfig:
    """A corpus from (dotted path, value) pairs alone, such as ("corpus.path", "data/kitchen").

    Args:
        overrides: the pairs; each path starts with `key`.
        key: what the corpus is called.
        options: other words of the command line, for messages about a path that starts otherwise.

    Raises:
        ConfigError: with every problem that was found.
    """
    tree: dict[str, Any] = {}
    problems: list[str] = []
    for path, value in overrides:
        _override(tree, path, value, problems)
    known = [*options, *(f"--{path}" for path, *_ in _documented(CorpusConfig, f"{key}."))]
    problems += [did_you_mean("option", f"--{name}", known) for name in tree if name != key]
    corpus = _build(CorpusConfig, tree.get(key, {}), key, problems)
    if corpus is not None:
        problems += _corpus_problems(corpus, key)
    if problems:
        raise ConfigError(problems)
    return corpus


def read_yaml(file: str | Path) -> dict[str, Any]:
    """A YAML 1.2 file's mapping; a key given twice is an error, not the last one's silent win.

    Raises:
        ConfigError: no such file, not YAML (with the line), or not a mapping.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with Path(file).open(encoding="utf-8") as stream:
            tree = yaml_reader().load(stream)
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f"{file}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(file)
        what = (getattr(error, "problem", None) or str(error)).splitlines()[0]
        raise ConfigError(f"{where}: not valid YAML: {what}.") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{file} holds {type(tree).__name__}; expected sections such as model, source, training.")
    return tree


def read_value(text: str) -> Any:
    """A command-line value as YAML reads it: `2e-5` is a number, `null` is None, `[a, b]` a list."""
    from ruamel.yaml.error import YAMLError

    try:
        return yaml_reader().load(text) if text else text
    except YAMLError:
        return text


def help_fields() -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
    """Every field, for `--help`: (section, [(path, type, default, help)])."""
    sections: list[tuple[str, str, type]] = [("experiment", "", Config)]
    sections += [(key, f"{key}.", CorpusConfig) for key in ("source", "target")]
    sections += [(f"task: {name}", "task.", task) for name, task in TASKS.items()]
    sections += [(f"method: {name}", f"methods.{name}.", method) for name, method in METHODS.items()]
    sections += [("training", "training.", TransferArguments)]
    return [(title, list(_documented(cls, prefix))) for title, prefix, cls in sections]


def help_corpus(key: str) -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
    """The fields of a corpus alone, as `help_fields` gives them."""
    return [(key, list(_documented(CorpusConfig, f"{key}.")))]


# ---- reading ----


def merge_tree(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Lay one tree over another, in place: sections are merged, everything else is replaced."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge_tree(tree[key], value)
        else:
            tree[key] = value


def _override(tree: dict[str, Any], path: str, value: Any, problems: list[str]) -> None:
    """Set one value by its path. In a list of named things, a step is a position or a name."""
    *steps, last = path.split(".")
    node: Any = tree
    for i, step in enumerate(steps):
        if isinstance(node, list):
            found = _list_item(node, step)
            if found is None:
                names = [_name_of(item) for item in node]
                problems.append(f"--{path}: {did_you_mean(steps[i - 1].removesuffix('s'), step, names)}")
                return
            node = found
        else:
            if node.get(step) is None:
                node[step] = [{"name": [*steps, last][i + 1]}] if step == "methods" else {}
            node = node[step]
        if not isinstance(node, dict | list):
            problems.append(f"--{path}: {'.'.join(steps[: i + 1])} is {node!r}, which has no keys of its own.")
            return
    if isinstance(node, list):
        if not last.isdigit() or int(last) >= len(node):
            problems.append(f"--{path}: {'.'.join(steps)} is a list of {len(node)}; expected a position in it.")
            return
        node[int(last)] = value
    else:
        node[last] = value


def _list_item(items: list[Any], step: str) -> dict[str, Any] | None:
    """The item at a position or of a name; one given by its name alone becomes a mapping first."""
    for i, item in enumerate(items):
        if step == str(i) or step == _name_of(item):
            if isinstance(item, str):
                items[i] = {"name": item}
            return items[i]
    return None


def _name_of(item: Any) -> str:
    return str(item.get("name")) if isinstance(item, dict) else str(item)


# ---- checking ----


def _typed_sections(tree: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """The arguments of Config from a tree; what is wrong is added to `problems`."""
    fields = {f.name: f for f in dataclasses.fields(Config)}
    hints = typing.get_type_hints(Config)
    values: dict[str, Any] = {}
    for key, value in tree.items():
        if key not in fields:
            problems.append(did_you_mean("key", key, fields))
        elif key in ("source", "target"):
            values[key] = None if value is None else _build(CorpusConfig, value, key, problems)
        elif key == "training":
            values[key] = _build(TransferArguments, value, key, problems)
        elif key == "task":
            values[key] = _named(TASKS, value, "task", key, problems, default=SequenceClassification.name)
        elif key == "methods":
            items = value if isinstance(value, list) else [value]
            built = [_named(METHODS, item, "method", f"methods.{i}", problems) for i, item in enumerate(items)]
            values[key] = tuple(built)
        else:
            values[key] = _check(hints[key], value, key, problems)
            if key == "baselines" and values[key] is not None:
                values[key] = tuple(values[key])
                problems += _unknown_baselines(values[key])
    for key in ("model", "source"):
        if tree.get(key) is None:
            problems.append(f"{key} is missing: {_docs(Config)[key]}")
    if "training" not in tree:
        problems.append("training.output_dir is missing: the folder that the run writes to, such as runs/first.")
    return values


def _corpus_problems(corpus: CorpusConfig, key: str) -> list[str]:
    problems = corpus.problems(key)
    if corpus.path is not None and not Path(corpus.path).exists():
        problems.append(f"{key}.path: there is no file or folder {corpus.path} (from {Path.cwd()}).")
    return problems


def _unknown_baselines(names: Sequence[str]) -> list[str]:
    return [f"baselines: {did_you_mean('baseline', name, BASELINES)}" for name in names if name not in BASELINES]


def _named(
    table: Mapping[str, type], value: Any, what: str, path: str, problems: list[str], default: str | None = None
) -> Any:
    """An instance of the class that `name` names, from `{name: …, field: …}` or the name alone."""
    section = {"name": value} if isinstance(value, str) else value
    if not isinstance(section, dict):
        problems.append(f"{path} is {value!r}; expected a name, or {{name: …}} with its settings.")
        return None
    name = section.get("name", default)
    if not isinstance(name, str) or name not in table:
        problems.append(f"{path}: {did_you_mean(what, str(name), table)}")
        return None
    return _build(table[name], {key: item for key, item in section.items() if key != "name"}, path, problems)


def _build(cls: type, section: Any, path: str, problems: list[str]) -> Any:
    """An instance of a dataclass from a mapping; None, and problems, where that cannot be."""
    if not isinstance(section, dict):
        problems.append(f"{path} is {section!r}; expected keys such as {', '.join(list(_docs(cls))[:3])}.")
        return None
    fields = {f.name for f in dataclasses.fields(cls) if f.init}
    hints = typing.get_type_hints(cls)
    before, values = len(problems), {}
    for key, value in section.items():
        if key not in fields:
            problems.append(f"{path}: {did_you_mean('key', key, sorted(fields))}")
        elif dataclasses.is_dataclass(hints[key]):
            values[key] = _build(typing.cast(type, hints[key]), value, f"{path}.{key}", problems)
        else:
            values[key] = _check(hints[key], value, f"{path}.{key}", problems)
    if len(problems) > before:
        return None
    try:
        return cls(**values)
    except ConfigError as error:
        problems += error.problems
    except (ValueError, TypeError, ImportError) as error:
        problems.append(f"{path}: {' '.join(str(error).split())}")
    return None


def _check(hint: Any, value: Any, path: str, problems: list[str]) -> Any:
    """The value as the type says; a problem where it does not fit."""
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        return parser.parse_object({"value": value}).value
    except (ArgumentError, TypeError, ValueError):
        problems.append(f"{path} is {value!r}; expected {type_name(hint)}.")
        return None


def type_name(hint: Any) -> str:
    """A type as a user reads it: `float or null`, `one of auto, fp32, bf16`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (list, tuple, dict) and arguments:
        inner = [type_name(argument) for argument in arguments if argument is not Ellipsis]
        return f"{origin.__name__ if origin is not tuple else 'list'} of {' to '.join(inner)}"
    if arguments:
        return " or ".join(dict.fromkeys(type_name(argument) for argument in arguments))
    return "null" if hint is type(None) else getattr(hint, "__name__", str(hint))


# ---- describing ----


def _set_values(config: Any) -> dict[str, Any]:
    """A dataclass as a tree without what is unset: None and empty collections."""
    tree = dataclasses.asdict(config)
    return {key: value for key, value in tree.items() if value not in (None, [], {})}


def _training_values(arguments: TransferArguments) -> dict[str, Any]:
    given = {name: getattr(value, "value", value) for name, value in arguments.given().items()}
    return {"output_dir": arguments.output_dir, **given}


def _docs(cls: type) -> dict[str, str]:
    """The help of a dataclass's fields, from its docstring or the fields' own metadata."""
    import docstring_parser

    texts = {p.arg_name: p.description or "" for p in docstring_parser.parse(cls.__doc__ or "").params}
    fields = [f for f in dataclasses.fields(cls) if f.init]
    return {f.name: " ".join((texts.get(f.name) or f.metadata.get("help") or "").split()) for f in fields}


def _documented(cls: type, prefix: str) -> Iterator[tuple[str, Any, Any, str]]:
    hints, docs = typing.get_type_hints(cls), _docs(cls)
    for f in dataclasses.fields(cls):
        if not f.init:
            continue
        if cls is Config and f.name in ("source", "target", "task", "training"):
            continue
        if dataclasses.is_dataclass(hints[f.name]):
            yield from _documented(typing.cast(type, hints[f.name]), f"{prefix}{f.name}.")
            continue
        default: Any = "" if f.default is dataclasses.MISSING else f.default
        if f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        if cls is Config and f.name == "methods":
            default = [method.name for method in typing.cast(tuple[Method, ...], default)]
        yield f"{prefix}{f.name}", hints[f.name], getattr(default, "value", default), docs[f.name]
