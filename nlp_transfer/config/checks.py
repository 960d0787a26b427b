"""What no section of a configuration can see alone: whether its parts go together.

Each check gives problems, one message each; a section that could not be read (`PartialConfig`) is looked at as far as
it goes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.config.parsing import path_problems
from nlp_transfer.config.search_space import search_problems
from nlp_transfer.config.typed_values import PartialConfig
from nlp_transfer.data import CorpusConfig
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods import METHODS, Method
from nlp_transfer.methods.base import composition_problems
from nlp_transfer.metrics.model_selection import LABEL_FREE, TARGET_MACRO_F1
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks import Task
from nlp_transfer.training.run_arguments import optimizer_problems, run_problems

if TYPE_CHECKING:
    from nlp_transfer.config.experiment import Experiment
    from nlp_transfer.training import TransferArguments


def cross_problems(config: "Experiment | PartialConfig") -> list[str]:
    """What no section can check alone, one message each.

    Args:
        config: whole, or as far as it could be read; a section that is a `PartialConfig` is looked at as far as it
        goes.
    """
    sources = as_tuple(config.source) if config.source is not None else ()
    problems = _source_problems(sources)
    if config.target is not None:
        problems += corpus_problems(config.target, "target")
    if config.training is not None:
        problems += _weights_problems(config.training, len(sources), config.task)
    if config.methods is not None:
        problems += composition_problems(config.methods)
        if not config.methods:
            problems.append("methods is empty: name at least one, such as full_fine_tuning.")
    if config.methods is not None and config.training is not None:
        from nlp_transfer.training.target_checks import needs_target

        needing = needs_target(config.methods, config.training)
        if needing and config.target is None:
            problems.append(
                f"{' and '.join(needing)} need{'s' if len(needing) == 1 else ''} text of a target domain, and there is "
                "none. Name it with target: {path: …}."
            )
    if config.training is not None:
        if config.log_target_scores and config.training.eval_strategy == "no":
            problems.append(
                "log_target_scores scores the target in each evaluation, and training.eval_strategy is no. Set it to "
                "epoch or steps, or leave log_target_scores out."
            )
        problems += _training_problems(config.training, config.task)
        problems += _labels_problems(config)
        problems += search_problems(config.search or {}, config.training, config.methods or ())
    problems += [
        f"{name} needs text of a target domain, and there is none. Name it with target: {{path: …}}."
        for name in ("prior_correction", "log_target_scores")
        if getattr(config, name) and config.target is None
    ]
    if config.task is not None and config.methods is not None:
        problems += _method_problems(config.methods, config.task)
    if config.task is not None and Output.LOGITS not in config.task.provides:
        problems += _without_labels(config)
    if config.baselines and config.task is not None:
        problems += _baseline_problems(config.baselines, config.task)
    if config.attention_dropout is not None and not 0 <= config.attention_dropout < 1:
        problems.append(f"attention_dropout is {config.attention_dropout}; expected 0 <= value < 1, or null.")
    if (share := getattr(config.training, "attention_dropout", None)) is not None:
        problems.append(
            f"training.attention_dropout is {share}; in a configuration it stands at the top: "
            f"attention_dropout: {share}."
        )
    if config.tokenizer is not None:
        problems += path_problems("tokenizer", config.tokenizer)
    if config.model is not None:
        problems += _model_problems(config.model, config.revision)
    return problems


def _source_problems(sources: Sequence[Any]) -> list[str]:
    """Of each source, and of one that is named twice."""
    problems = []
    for i, corpus in enumerate(sources):
        problems += corpus_problems(corpus, f"source.{i}" if len(sources) > 1 else "source")
        if corpus in sources[:i]:
            problems.append(
                f"source.{sources.index(corpus)} and source.{i} are the same corpus. Name it once; "
                "training.source_weights says how often its rows are drawn."
            )
    return problems


def _baseline_problems(baselines: Sequence[str], task: "Task | PartialConfig") -> list[str]:
    """Of baselines that do not go with a task."""
    known = task.baseline_names
    return [
        f"baselines: {did_you_mean('baseline', name, known)}"
        if known
        else f"baselines: {name} does not go with {task.name}, which has none. Leave it out."
        for name in baselines
        if name not in known
    ]


def _method_problems(methods: Sequence[Method], task: "Task | PartialConfig") -> list[str]:
    """Return a problem for each method that needs outputs which the task's network does not provide."""
    fitting = [name for name, method in METHODS.items() if method.needs.outputs <= task.provides]
    return [
        f"methods: {method.name} does not go with {task.name}. Methods for it: {', '.join(fitting)}."
        for method in methods
        if method.name not in fitting
    ]


def _without_labels(config: "Experiment | PartialConfig") -> list[str]:
    """What does not go with a task that learns no labels."""
    return [
        f"{name} needs classes, and {config.task.name} has none. Leave it out."
        for name in ("prior_correction", "log_target_scores")
        if getattr(config, name)
    ]


def _labels_problems(config: "Experiment | PartialConfig") -> list[str]:
    """Whether checkpoints are chosen by target labels that no method asks for."""
    metric = str(config.training.metric_for_best_model or "").removeprefix("eval_")
    if metric != TARGET_MACRO_F1 or any(method.needs.target_labels for method in config.methods or ()):
        return []
    return [
        f"training.metric_for_best_model is {TARGET_MACRO_F1}, which reads the target's labels, and no method asks for "
        f"them. Add joint, or choose by a metric of the source or by {', '.join(LABEL_FREE)}."
    ]


def as_tuple(source: Any) -> tuple[Any, ...]:
    """One source or several as several."""
    return source if isinstance(source, tuple) else (source,)


def _weights_problems(
    training: "TransferArguments | PartialConfig", sources: int, task: "Task | PartialConfig | None"
) -> list[str]:
    """Whether weights of several sources go with what there is."""
    from nlp_transfer.training.source_weights import SIZE

    weights = training.source_weights
    if weights in (SIZE, None) or not sources:
        return []
    if sources == 1:
        return [f"training.source_weights is {weights}, and there is one source. Leave it out, or give source a list."]
    if task is not None and task.columns.documents:
        return [f"training.source_weights is {weights}, and {task.name} joins the texts of all sources. Leave it out."]
    if isinstance(weights, list) and len(weights) != sources:
        return [f"training.source_weights has {len(weights)} numbers, and there are {sources} sources."]
    return []


def _model_problems(model: str, revision: str | None) -> list[str]:
    problems = path_problems("model", model)
    if not problems:
        from nlp_transfer.models.files.download import revision_of_a_folder
        from nlp_transfer.models.files.resolve import resolve_model

        try:
            found = resolve_model(model)
        except ConfigError as error:
            return error.problems
        if revision is not None and Path(found).is_dir():
            return [f"model: {revision_of_a_folder(model, revision)}"]
    return problems


def corpus_problems(corpus: "CorpusConfig | PartialConfig", key: str) -> list[str]:
    """What is wrong with a corpus's settings, and whether its path is there."""
    problems = corpus.problems(key) if isinstance(corpus, CorpusConfig) else []
    if corpus.path is not None:
        impossible = path_problems(f"{key}.path", corpus.path)
        problems += impossible
        if not impossible and not Path(corpus.path).exists():
            problems.append(f"{key}.path: there is no file or folder {corpus.path} (from {Path.cwd()}).")
    return problems


def _training_problems(training: "TransferArguments | PartialConfig", task: "Task | PartialConfig | None") -> list[str]:
    given = training.values if isinstance(training, PartialConfig) else training.given()
    problems = list(run_problems(given))
    # transformers would write to a folder `trainer_output` where none is named.
    named = training.gives("output_dir") if isinstance(training, PartialConfig) else given.get("output_dir")
    if not named:
        problems.append(NO_OUTPUT_DIR)
    problems += path_problems("training.output_dir", str(training.output_dir or "."))
    metric = training.metric_for_best_model
    free = (*LABEL_FREE, TARGET_MACRO_F1) if task is not None and Output.LOGITS in task.provides else ()
    known = (*task.metric_names(), *free) if task is not None else ()
    if metric is not None and task is not None and metric.removeprefix("eval_") not in known:
        guess = did_you_mean("metric", metric.removeprefix("eval_"), known)
        problems.append(f"training.metric_for_best_model: {guess}")
    if training.label_smoothing_factor and not (task is not None and Output.GENERATION in task.provides):
        problems.append("training.label_smoothing_factor is set; the task computes the loss: set task.label_smoothing.")
    if not isinstance(training, PartialConfig):
        from nlp_transfer.training.arguments import strategy_problem

        problems += optimizer_problems(training)
        problems += [problem] if (problem := strategy_problem(training.hub_strategy)) else []
    if training.fp16 and not _on_gpu(training):
        problems.append(
            "training.fp16 needs a GPU, and training is on the CPU: it would be fp32. Set training.precision: auto."
        )
    return problems


def _on_gpu(training: "TransferArguments | PartialConfig") -> bool:
    import torch

    return bool(torch.accelerator.is_available() and not training.use_cpu)


NO_OUTPUT_DIR = "training.output_dir is missing: the folder that the run writes to, such as runs/first."
