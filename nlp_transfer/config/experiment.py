"""Read an experiment: a YAML file of typed sections, any value of which the command line may override by its path.

    accelerate launch scripts/train.py --config configs/quickstart.yaml --task.max_length 1024

Files and overrides make one tree (config/parsing.py); every leaf is checked against the type of the dataclass field
that it fills (config/typed_values.py). All problems are reported together, before anything is loaded: also what no
section can find by itself, of those sections that could be read.
"""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from nlp_transfer.config.checks import NO_OUTPUT_DIR, as_tuple, corpus_problems, cross_problems
from nlp_transfer.config.field_docs import HelpSection, described_fields, field_docs, unknown_name
from nlp_transfer.config.parsing import copy_tree, merge_tree, override, read_yaml
from nlp_transfer.config.readers import READERS, read_training
from nlp_transfer.config.run_defaults import by_rows, training_record, with_default_methods
from nlp_transfer.config.search_space import combinations
from nlp_transfer.config.typed_values import PartialConfig, build, check
from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.errors import ConfigError, did_you_mean, nearest_name
from nlp_transfer.methods import METHODS, Method
from nlp_transfer.methods.base import source_free
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import TASKS, SequenceClassification, Task
from nlp_transfer.training.own_arguments import OwnArguments
from nlp_transfer.training.run_arguments import one_of_each

if TYPE_CHECKING:
    from nlp_transfer.training.arguments import TransferArguments


@dataclass(frozen=True)
class Experiment:
    """Describe one experiment, checked when it is made.

    In Python a corpus may also be a path, a pandas DataFrame, a `datasets.Dataset`, a dict of split name to one of
    these, or a `Corpus`; a method or task may be its name; and `training` a mapping, to which the defaults of a run are
    added (config/run_defaults.py): a `TransferArguments` has those of `Trainer`.

    Args:
        model: the pretrained encoder: a Hub id, a folder, or `package:NAME/FOLDER` inside an installed package.
        source: the domain that is learned from, or a list of such domains (`--source.0.path` is the first one's path).
            Its test split is scored at the end. The method `source_free` has none.
        training: the arguments of `transformers.TrainingArguments` that a run can honour, and ours.
        task: the task, such as sequence_classification.
        target: another domain, which is scored, and from whose text methods such as adapt learn. Its labels are for the
            report only, except for `joint`, which asks for those of its training split.
        methods: the transfer methods in their order, by name, such as lora; `--help lora` lists its settings. null is
            full_fine_tuning, and adapt too where a classifier of texts has a target.
        source_only_baseline: where methods use the target, train without them too, and compare; `average` saves the
            mean of both models' weights, not the adapted ones. null is average where the default adapts, else true.
        ceiling_baseline: train on the labels of the target's training split, too, and compare on its test split: how
            much there is to gain.
        log_target_scores: score the target by its labels in each evaluation, for the log and the report only: the
            checkpoint that each criterion would have selected, and its score.
        prior_correction: predict with class frequencies estimated from the target's texts (one label a text).
        search: values to try, by their paths, such as `{methods.dann.weight: [0.03, 0.1]}`: each is trained, and
            `training.metric_for_best_model` chooses.
        report_examples: number of the worst predictions, of classes the surest wrong ones, that the report shows with
            their texts; 0 keeps all text of the corpus out of it.
        baselines: simple predictors to score too; null is all of the task's.
        tokenizer: where the tokenizer is, if not with the model.
        revision: the Hub model's commit, tag or branch.
        trust_remote_code: whether Python code that comes with the model may run; never that of another tokenizer.
        attention_dropout: dropout on attention weights while training; null keeps the model's.

    Example:
        >>> training = TransferArguments("runs/lora", report_to="none", use_cpu=True)
        >>> Experiment("encoder", "corpus", training, methods=[LoRA(r=8)]).methods[0].r
        8
    """

    model: str
    source: CorpusConfig | tuple[CorpusConfig, ...] | None = None
    training: "TransferArguments" = None  # type: ignore[assignment]  # a missing one is a problem like others
    task: Task = field(default_factory=SequenceClassification)
    target: CorpusConfig | None = None
    methods: tuple[Method, ...] = None  # type: ignore[assignment]  # see run_defaults.with_default_methods
    source_only_baseline: bool | Literal["average"] | None = None
    ceiling_baseline: bool = False
    log_target_scores: bool = False
    prior_correction: bool = False
    search: dict[str, list[Any]] = field(default_factory=dict)
    report_examples: int = 0
    baselines: tuple[str, ...] | None = None
    tokenizer: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    attention_dropout: float | None = 0.0

    def __post_init__(self) -> None:
        """Read the sections, and check them against each other; raises ConfigError with all problems."""
        problems: list[str] = []
        read = _sections(vars(self), problems)
        if problems := [*problems, *cross_problems(read)]:
            raise ConfigError(one_of_each(problems))
        for name, value in read.values.items():
            object.__setattr__(self, name, value)

    @property
    def sources(self) -> tuple[CorpusConfig, ...]:
        """Return the source corpora: one, several, or none where a trained model is adapted without its source."""
        return as_tuple(self.source)

    @property
    def model_reference(self) -> ModelReference:
        """Return the model with its revision and the options of its loading."""
        return ModelReference(self.model, self.revision, self.trust_remote_code, self.attention_dropout)

    @property
    def zero_shot(self) -> bool:
        """Return True if descriptions of the classes are all that is learned from."""
        return bool(self.sources) and all(corpus.descriptions and not corpus.place for corpus in self.sources)

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Return the baselines that are scored: of descriptions alone, chance and no majority; no source, none."""
        if self.baselines is not None:
            return self.baselines
        if not self.sources:
            return ()
        names = self.task.default_baselines
        return tuple("chance" if self.zero_shot and name == "majority" else name for name in names)

    def sized(self, rows: int) -> Self:
        """Return the experiment with the training arguments that depend on the number of training rows."""
        values = by_rows(self.training.left_to_rows - self.training.given().keys(), rows)
        return dataclasses.replace(
            self, training=self.training.with_output_dir(str(self.training.output_dir), **values)
        )

    def record(self) -> dict[str, Any]:
        """Return the configuration as a plain tree that `load_config` reads back, without secrets.

        Of rows in memory it has a description, which `load_config` refuses.
        """
        tree: dict[str, Any] = {"model": self.model, "task": {"name": self.task.name, **dataclasses.asdict(self.task)}}
        sources = [_corpus_values(corpus) for corpus in self.sources]
        tree["source"] = sources if len(sources) > 1 else sources[0] if sources else None
        if self.target is not None:
            tree["target"] = _corpus_values(self.target)
        tree["methods"] = [{"name": method.name, **dataclasses.asdict(method)} for method in self.methods]
        tree["baselines"] = list(self.baseline_names)
        plain = [f.name for f in dataclasses.fields(self) if f.name not in (*tree, "target", "training")]
        return {**tree, **{key: getattr(self, key) for key in plain}, "training": training_record(self.training)}


def candidate_configs(config: Experiment) -> list[tuple[dict[str, Any], Experiment]]:
    """Return every combination of the values of `search`, by path, and the configuration with it."""
    found = []
    tree = config.record() | {"source": list(config.sources) or None, "target": config.target}
    search = tree.pop("search")
    for values in combinations(search):
        found.append((values, load_config(tree=tree, overrides=list(values.items()))))
    return found


def load_config(
    files: str | Path | Sequence[str | Path] = (),
    overrides: Sequence[tuple[str, Any]] = (),
    tree: Mapping[str, Any] | None = None,
) -> Experiment:
    """Read YAML files (later ones win), apply overrides, and check everything.

    Args:
        files: a YAML file, or several.
        overrides: (dotted path, value) pairs, e.g. ("training.learning_rate", 2e-5) or ("methods.lora.r", 16).
        tree: sections that the files are laid over.

    Raises:
        ConfigError: with every problem that was found.

    Example:
        >>> load_config("run.yaml", [("training.learning_rate", 2e-5)]).training.learning_rate
        2e-05
    """
    whole: dict[str, Any] = copy_tree(tree or {})
    for file in [files] if isinstance(files, str | Path) else files:
        merge_tree(whole, read_yaml(file))
    problems: list[str] = []
    for path, value in sorted(overrides, key=lambda one: one[0].startswith("methods.")):
        if whole.get("methods") is None and path.startswith("methods."):
            filled = with_default_methods(whole)  # all of them, where a setting of one is given
            whole = filled if path.split(".")[1] in filled["methods"] else whole
        override(whole, path, value, problems)
    sections = _sections(whole, problems)
    if problems:
        raise ConfigError(one_of_each([*problems, *cross_problems(sections)]))
    config = Experiment(**sections.values)
    if config.search:
        try:
            candidate_configs(config)
        except ConfigError as error:
            raise ConfigError([f"search: {problem.removeprefix('--')}" for problem in error.problems]) from error
    return config


def _sections(tree: Mapping[str, Any], problems: list[str]) -> PartialConfig:
    """Return the arguments of Experiment from a tree, as far as they can be read; problems are added to `problems`."""
    from nlp_transfer.training.arguments import TransferArguments

    fields = {f.name: f for f in dataclasses.fields(Experiment)}
    hints = typing.get_type_hints(Experiment, localns={TransferArguments.__name__: TransferArguments})
    tree = with_default_methods(tree)
    values: dict[str, Any] = {}
    unread: set[str] = set()
    for key, value in sorted(tree.items(), key=lambda item: item[0] == "training"):  # whose defaults need the others
        before = len(problems)
        if key == "training":
            values[key] = read_training(value, problems, values)
        elif key in READERS:
            values[key] = READERS[key](value, problems)
        elif key in fields:
            values[key] = check(hints[key], value, key, problems)
        else:
            got = f"{key}.{next(iter(value))}" if isinstance(value, dict) and value else str(key)
            problems.append(unknown_name("key", got, fields, known_paths()))
            unread.add(nearest_name(str(key), fields) or str(key))
        if len(problems) > before:
            unread.add(key)
    free = source_free(values.get("methods") or ())
    for key in ("model", "source") if free is None else ("model",):
        if values.get(key) is None and key not in unread:
            found = "missing" if tree.get(key) is None else "an empty list"
            problems.append(f"{key} is {found}: {field_docs(Experiment)[key]}")
    if "training" not in tree and "training" not in unread:
        problems.append(NO_OUTPUT_DIR)
    return PartialConfig(Experiment, values, frozenset(unread | {"model", "source", "training"}))


def read_corpus_config(overrides: Sequence[tuple[str, Any]], key: str, options: Sequence[str] = ()) -> CorpusConfig:
    """Read a corpus from (dotted path, value) pairs, which begin with `key`; `options` are others, for messages."""
    tree: dict[str, Any] = {}
    problems: list[str] = []
    for path, value in overrides:
        override(tree, path, value, problems)
    known = [*options, *(f"--{path}" for path, *_ in described_fields(CorpusConfig, f"{key}."))]
    problems += [did_you_mean("option", f"--{name}", known) for name in tree if name != key]
    corpus = build(CorpusConfig, tree.get(key, {}), key, problems)
    problems += corpus_problems(corpus, key)
    if problems:
        raise ConfigError(problems)
    return corpus


def _corpus_values(config: CorpusConfig) -> dict[str, Any]:
    """Return a corpus's settings as a tree without unset fields: None and empty collections."""
    tree = dataclasses.asdict(dataclasses.replace(config, data=None))
    if config.data is not None:
        from nlp_transfer.data.sources.in_memory import describe_rows

        tree["data"] = describe_rows(config)
    return {key: value for key, value in tree.items() if value not in (None, [], {})}


_DEFAULTS = "The defaults here are Trainer's; a run has some of its own, which --print_config shows."


def help_sections() -> list[HelpSection]:
    """Return every field, for `--help`; of the training arguments, our own. Imports neither torch nor transformers."""
    docs = field_docs(Experiment)
    others = ("source", "target", "task", "training")
    names = {"TransferArguments": OwnArguments}  # an annotation, for type checkers alone
    experiment = [
        (path, list[str] if path == "methods" else hint, default, text)
        for path, hint, default, text in described_fields(Experiment, "", skip=others, names=names)
    ]
    corpora = [HelpSection.of(CorpusConfig, key, f"{key}.", docs[key]) for key in ("source", "target")]
    tasks = [HelpSection.of(task, f"task: {name}", "task.") for name, task in TASKS.items()]
    methods = [HelpSection.of(method, f"method: {name}", f"methods.{name}.") for name, method in METHODS.items()]
    text = f"{docs['training']} Ours are shown; --help training shows all. {_DEFAULTS}"
    training = HelpSection.of(OwnArguments, "training", "training.", text)
    return [HelpSection("experiment", "", experiment), *corpora, *tasks, *methods, training]


def help_training() -> list[HelpSection]:
    """Return all training arguments, for `--help training`. Imports transformers."""
    from nlp_transfer.training.arguments import TransferArguments

    text = f"{field_docs(Experiment)['training']} {_DEFAULTS}"
    return [HelpSection.of(TransferArguments, "training", "training.", text)]


def known_paths() -> list[str]:
    """Return the path of every field of an experiment. Imports transformers."""
    return [path for section in (*help_sections(), *help_training()) for path, *_ in section.fields]


def help_corpus(key: str) -> list[HelpSection]:
    """Return the fields of a corpus, as `help_sections` gives them."""
    return [HelpSection.of(CorpusConfig, key, f"{key}.", "")]
