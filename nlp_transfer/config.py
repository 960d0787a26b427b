"""One experiment: a YAML file of typed sections, any value of which the command line may override by its path.

    accelerate launch scripts/train.py --config configs/quickstart.yaml --task.max_length 1024

Files and overrides make one tree (reading/trees.py); every leaf is checked against the type of the dataclass field that
it fills (reading/typed.py). All problems are reported together, before anything is loaded: also what no section can see
alone, of those sections that could be read.
"""

import copy
import dataclasses
import itertools
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.data import CorpusConfig
from nlp_transfer.errors import ConfigError, did_you_mean, nearest
from nlp_transfer.methods import METHODS, FullFineTuning, Method
from nlp_transfer.methods.base import composition_problems
from nlp_transfer.metrics.label_free import LABEL_FREE, TARGET_MACRO_F1
from nlp_transfer.reading.described import described_fields, field_docs
from nlp_transfer.reading.paths import path_problems
from nlp_transfer.reading.trees import merge_tree, override, read_yaml
from nlp_transfer.reading.typed import Partial, build, build_named, check
from nlp_transfer.reporting.baselines import BASELINES
from nlp_transfer.reporting.summary_baselines import SUMMARY_BASELINES
from nlp_transfer.tasks import TASKS, SequenceClassification, Task

if TYPE_CHECKING:
    from nlp_transfer.training import TransferArguments


@dataclass(frozen=True)
class Config:
    """One experiment.

    Args:
        model: the pretrained encoder: a Hub id, a folder, or `package:NAME/FOLDER` inside an installed package.
        source: the domain that is learned from, or a list of such domains. Its test split is scored at the end.
        training: every argument of `transformers.TrainingArguments`, and ours.
        task: what is predicted.
        target: another domain that the model is scored on, and whose text methods such as dann learn from. Its labels
            are for the report only, but for `joint`, which asks for those of its training split.
        methods: how knowledge moves.
        source_only: where methods use the target: train without them, too, and say whether they seem to do harm.
        target_progress: score the target by its labels in each evaluation, for the log and the report alone: which
            checkpoint each way of choosing would have taken, and how good that is.
        prior_correction: predict with the class frequencies that the target's texts seem to have (one label a text).
        choose: values to try, by their paths, such as `{methods.dann.weight: [0.03, 0.1]}`: each is trained, and
            `training.metric_for_best_model` chooses.
        baselines: what stands beside a classifier or a summariser in the report; null is all that go with the task.
        tokenizer: where the tokenizer is, if not with the model.
        revision: the Hub model's commit, tag or branch.
        trust_remote_code: whether Python code that comes with the model may run; never that of another tokenizer.
        attention_dropout: dropout on attention weights. 0 lets the fused attention kernel run; null keeps the model's.
    """

    model: str
    source: CorpusConfig | tuple[CorpusConfig, ...]
    training: "TransferArguments"
    task: Task = field(default_factory=SequenceClassification)
    target: CorpusConfig | None = None
    methods: tuple[Method, ...] = (FullFineTuning(),)
    source_only: bool = True
    target_progress: bool = False
    prior_correction: bool = False
    choose: dict[str, list[Any]] = field(default_factory=dict)
    baselines: tuple[str, ...] | None = None
    tokenizer: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    attention_dropout: float | None = 0.0

    def __post_init__(self) -> None:
        """Check what no section can check alone; raises ConfigError with all problems."""
        if problems := cross_problems(self):
            raise ConfigError(problems)

    @property
    def sources(self) -> tuple[CorpusConfig, ...]:
        """The source corpora, one or several."""
        return _as_tuple(self.source)

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """The baselines that are scored."""
        return tuple(_baselines_of(self.task)) if self.baselines is None else self.baselines

    def record(self) -> dict[str, Any]:
        """The resolved configuration as a plain tree that `load_config` reads back; no secrets.

        Of the training arguments, those that were given are shown.
        """
        tree: dict[str, Any] = {"model": self.model, "task": {"name": self.task.name, **dataclasses.asdict(self.task)}}
        sources = [_set_values(corpus) for corpus in self.sources]
        tree["source"] = sources if len(sources) > 1 else sources[0]
        if self.target is not None:
            tree["target"] = _set_values(self.target)
        tree["methods"] = [{"name": method.name, **dataclasses.asdict(method)} for method in self.methods]
        tree["baselines"] = list(self.baseline_names)
        for key in (
            "source_only",
            "target_progress",
            "prior_correction",
            "choose",
            "tokenizer",
            "revision",
            "trust_remote_code",
            "attention_dropout",
        ):
            tree[key] = getattr(self, key)
        tree["training"] = _training_values(self.training)
        return tree


def cross_problems(config: "Config | Partial") -> list[str]:
    """What no section can check alone, one message each.

    Args:
        config: whole, or as far as it could be read; a section that is a `Partial` is looked at as far as it goes.
    """
    problems = []
    sources = _as_tuple(config.source) if config.source is not None else ()
    for i, corpus in enumerate(sources):
        problems += _corpus_problems(corpus, f"source.{i}" if len(sources) > 1 else "source")
    if config.target is not None:
        problems += _corpus_problems(config.target, "target")
    if config.training is not None:
        problems += _weights_problems(config.training, len(sources), config.task)
    if config.methods is not None:
        problems += composition_problems(config.methods)
        if not config.methods:
            problems.append("methods is empty: name at least one, such as full_fine_tuning.")
    if config.methods is not None and config.training is not None:
        needing = needs_target(config.methods, config.training)
        if needing and config.target is None:
            problems.append(
                f"{' and '.join(needing)} needs text of a target domain, and there is none. Name it with target: "
                "{path: …}."
            )
    if config.training is not None:
        problems += _training_problems(config.training, config.task)
        problems += _labels_problems(config)
        problems += _choosing_problems(config)
    problems += [
        f"{name} needs text of a target domain, and there is none. Name it with target: {{path: …}}."
        for name in ("prior_correction", "target_progress")
        if getattr(config, name) and config.target is None
    ]
    if config.task is not None and not config.task.classifies:
        problems += _without_labels(config)
    if config.baselines and config.task is not None:
        known = _baselines_of(config.task)
        problems += [
            f"baselines: {did_you_mean('baseline', name, known)}"
            if known
            else f"baselines: {name} does not go with {config.task.name}, which has none. Leave it out."
            for name in config.baselines
            if name not in known
        ]
    if config.attention_dropout is not None and not 0 <= config.attention_dropout < 1:
        problems.append(f"attention_dropout is {config.attention_dropout}; expected 0 <= value < 1, or null.")
    if config.tokenizer is not None:
        problems += path_problems("tokenizer", config.tokenizer)
    if config.model is not None:
        problems += _model_problems(config.model)
    return problems


def _baselines_of(task: "Task | Partial") -> Sequence[str]:
    """The baselines that go with a task."""
    if task.summarizes:
        return list(SUMMARY_BASELINES)
    return list(BASELINES) if task.classifies else ()


def _without_labels(config: "Config | Partial") -> list[str]:
    """What does not go with a task that learns no labels."""
    task = str(config.task.name)
    fitting = [name for name, method in METHODS.items() if _goes_with(method, config.task)]
    problems = [
        f"methods: {method.name} does not go with {task}. Methods for it: {', '.join(fitting)}."
        for method in config.methods or ()
        if method.name not in fitting
    ]
    problems += [
        f"{name} needs classes, and {task} has none. Leave it out."
        for name in ("prior_correction", "target_progress")
        if getattr(config, name)
    ]
    return problems


def _goes_with(method: type[Method], task: "Task | Partial") -> bool:
    """Whether a method goes with a task that learns no classes."""
    return method.any_task or (method.any_head and task.summarizes)


def _labels_problems(config: "Config | Partial") -> list[str]:
    """Whether checkpoints are chosen by target labels that no method asks for."""
    metric = str(config.training.metric_for_best_model or "").removeprefix("eval_")
    if metric != TARGET_MACRO_F1 or any(method.needs_target_labels for method in config.methods or ()):
        return []
    return [
        f"training.metric_for_best_model is {TARGET_MACRO_F1}, which reads the target's labels, and no method asks for "
        f"them. Add joint, or choose by a metric of the source or by {', '.join(LABEL_FREE)}."
    ]


def _choosing_problems(config: "Config | Partial") -> list[str]:
    """What is wrong with `choose`, but for the candidates themselves."""
    problems = []
    for path, values in (config.choose or {}).items():
        if not path.startswith(("methods.", "training.")) or path in ("training.output_dir", "training.seed"):
            problems.append(
                f"choose: {path} cannot be chosen; expected a path such as methods.dann.weight or "
                "training.learning_rate. Other values change what is compared, and the best seed is luck."
            )
        if not values:
            problems.append(f"choose.{path} is empty; expected a list of values.")
    if config.choose:
        training = config.training
        if training.metric_for_best_model is None or not training.load_best_model_at_end:
            problems.append(
                "choose needs something to choose by: set training.metric_for_best_model and "
                "training.load_best_model_at_end: true."
            )
        problems += [
            f"choose: {method.name} trains nothing by gradient, so nothing is evaluated on the way. It chooses by "
            "itself among its fields' lists."
            for method in config.methods or ()
            if not method.trains
        ]
    return problems


def candidate_configs(config: Config) -> list[tuple[dict[str, Any], Config]]:
    """Every combination of the values of `choose`, by path, and the configuration with it.

    Raises:
        ConfigError: one cannot be.
    """
    found = []
    tree = config.record()
    choose = tree.pop("choose")
    for combination in itertools.product(*choose.values()):
        values = dict(zip(choose, combination, strict=True))
        found.append((values, load_config(tree=tree, overrides=list(values.items()))))
    return found


def needs_target(methods: Sequence[Method], training: "TransferArguments | Partial") -> list[str]:
    """What in a run needs text of a target domain: methods, the metric that chooses checkpoints, sources' weights."""
    from nlp_transfer.training.sources import DISTANCE, DISTANCE_WEIGHTS

    names = [method.name for method in methods if method.needs_target]
    metric = str(training.metric_for_best_model or "")
    if metric.removeprefix("eval_") in (*LABEL_FREE, TARGET_MACRO_F1):
        names.append(metric)
    return [*names, DISTANCE_WEIGHTS] if training.source_weights == DISTANCE else names


def _as_tuple(source: Any) -> tuple[Any, ...]:
    return source if isinstance(source, tuple) else (source,)


def _weights_problems(
    training: "TransferArguments | Partial", sources: int, task: "Task | Partial | None"
) -> list[str]:
    """Whether weights of several sources go with what there is."""
    from nlp_transfer.training.sources import SIZE

    weights = training.source_weights
    if weights in (SIZE, None) or not sources:
        return []
    if sources == 1:
        return [f"training.source_weights is {weights}, and there is one source. Leave it out, or give source a list."]
    if task is not None and not task.classifies:
        return [f"training.source_weights is {weights}, and {task.name} joins the texts of all sources. Leave it out."]
    if isinstance(weights, list) and len(weights) != sources:
        return [f"training.source_weights has {len(weights)} numbers, and there are {sources} sources."]
    return []


def _model_problems(model: str) -> list[str]:
    problems = path_problems("model", model)
    if not problems:
        from nlp_transfer.models.locating import resolve_model

        try:
            resolve_model(model)
        except ConfigError as error:
            return error.problems
    return problems


def _corpus_problems(corpus: "CorpusConfig | Partial", key: str) -> list[str]:
    problems = corpus.problems(key) if isinstance(corpus, CorpusConfig) else []
    if corpus.path is not None:
        impossible = path_problems(f"{key}.path", corpus.path)
        problems += impossible
        if not impossible and not Path(corpus.path).exists():
            problems.append(f"{key}.path: there is no file or folder {corpus.path} (from {Path.cwd()}).")
    return problems


def _training_problems(training: "TransferArguments | Partial", task: "Task | Partial | None") -> list[str]:
    problems = []
    # transformers would write to a folder `trainer_output` where none is named.
    named = training.gives("output_dir") if isinstance(training, Partial) else training.given().get("output_dir")
    if not named:
        problems.append(NO_OUTPUT_DIR)
    problems += path_problems("training.output_dir", str(training.output_dir or "."))
    metric = training.metric_for_best_model
    free = (*LABEL_FREE, TARGET_MACRO_F1) if task is not None and task.classifies else ()
    known = (*task.metric_names, *free) if task is not None else ()
    if metric is not None and task is not None and metric.removeprefix("eval_") not in known:
        guess = did_you_mean("metric", metric.removeprefix("eval_"), known)
        problems.append(f"training.metric_for_best_model: {guess}")
    if training.label_smoothing_factor:
        problems.append("training.label_smoothing_factor is set; the task computes the loss: set task.label_smoothing.")
    if training.auto_find_batch_size:
        problems.append(
            "training.auto_find_batch_size restarts the schedule but keeps weights and optimizer state; lower "
            "training.per_device_train_batch_size and raise training.gradient_accumulation_steps instead."
        )
    return problems


NO_OUTPUT_DIR = "training.output_dir is missing: the folder that the run writes to, such as runs/first."


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
        override(whole, path, value, problems)
    sections = _sections(whole, problems)
    if problems:
        raise ConfigError([*problems, *cross_problems(sections)])
    config = Config(**sections.values)
    if config.choose:
        try:
            candidate_configs(config)
        except ConfigError as error:
            raise ConfigError([f"choose: {problem.removeprefix('--')}" for problem in error.problems]) from error
    return config


def _sections(tree: Mapping[str, Any], problems: list[str]) -> Partial:
    """The arguments of Config from a tree, as far as they can be read; what is wrong is added to `problems`."""
    from nlp_transfer.training import TransferArguments

    fields = {f.name: f for f in dataclasses.fields(Config)}
    hints = typing.get_type_hints(Config, localns={TransferArguments.__name__: TransferArguments})
    values: dict[str, Any] = {}
    unread: set[str] = set()
    for key, value in tree.items():
        before = len(problems)
        if key not in fields:
            problems.append(did_you_mean("key", key, fields))
            unread.add(nearest(str(key), fields) or str(key))
        elif key == "source" and isinstance(value, list):
            read = [build(CorpusConfig, item, f"source.{i}", problems) for i, item in enumerate(value)]
            values[key] = read[0] if len(read) == 1 else tuple(read) or None
        elif key in ("source", "target"):
            values[key] = None if value is None else build(CorpusConfig, value, key, problems)
        elif key == "training":
            values[key] = build(TransferArguments, value, key, problems)
        elif key == "task":
            values[key] = build_named(TASKS, value, "task", key, problems, default=SequenceClassification.name)
        elif key == "methods":
            items = value if isinstance(value, list) else [value]
            read = [build_named(METHODS, item, "method", f"methods.{i}", problems) for i, item in enumerate(items)]
            values[key] = tuple(method for method in read if method is not None) or (None if items else ())
        else:
            read = check(hints[key], value, key, problems)
            values[key] = tuple(read) if key == "baselines" and read is not None else read
        if len(problems) > before:
            unread.add(key)
    for key in ("model", "source"):
        if tree.get(key) in (None, []) and key not in unread:
            found = "missing" if tree.get(key) is None else "an empty list"
            problems.append(f"{key} is {found}: {field_docs(Config)[key]}")
    if "training" not in tree and "training" not in unread:
        problems.append(NO_OUTPUT_DIR)
    return Partial(Config, values, frozenset(unread | {"model", "source", "training"}))


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
        override(tree, path, value, problems)
    known = [*options, *(f"--{path}" for path, *_ in described_fields(CorpusConfig, f"{key}."))]
    problems += [did_you_mean("option", f"--{name}", known) for name in tree if name != key]
    corpus = build(CorpusConfig, tree.get(key, {}), key, problems)
    problems += _corpus_problems(corpus, key)
    if problems:
        raise ConfigError(problems)
    return corpus


def help_fields() -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
    """Every field, for `--help`: (section, [(path, type, default, help)]). Imports neither torch nor transformers."""
    from nlp_transfer.training.outlined import outlined_arguments

    arguments = outlined_arguments()
    others = ("source", "target", "task", "training")
    sections: list[tuple[str, str, type]] = [(key, f"{key}.", CorpusConfig) for key in ("source", "target")]
    sections += [(f"task: {name}", "task.", task) for name, task in TASKS.items()]
    sections += [(f"method: {name}", f"methods.{name}.", method) for name, method in METHODS.items()]
    sections += [("training", "training.", arguments)]
    experiment = [
        (path, hint, [method.name for method in default] if path == "methods" else default, text)
        for path, hint, default, text in described_fields(
            Config, "", skip=others, names={"TransferArguments": arguments}
        )
    ]
    return [
        ("experiment", experiment),
        *((title, list(described_fields(cls, prefix))) for title, prefix, cls in sections),
    ]


def help_corpus(key: str) -> list[tuple[str, list[tuple[str, Any, Any, str]]]]:
    """The fields of a corpus alone, as `help_fields` gives them."""
    return [(key, list(described_fields(CorpusConfig, f"{key}.")))]


def _set_values(config: Any) -> dict[str, Any]:
    """A dataclass as a tree without what is unset: None and empty collections."""
    tree = dataclasses.asdict(config)
    return {key: value for key, value in tree.items() if value not in (None, [], {})}


def _training_values(arguments: "TransferArguments") -> dict[str, Any]:
    given = {name: getattr(value, "value", value) for name, value in arguments.given().items()}
    return {"output_dir": arguments.output_dir, **given}
