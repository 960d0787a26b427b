"""Check whether the parts of an experiment go together, which no section can check by itself.

Each check takes an `Experiment`, or a `PartialConfig` that holds what could be read of one, whose sections may be
partial or None; it returns one message a problem.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nlp_transfer.config.parsing import path_problems
from nlp_transfer.config.run_defaults import AVERAGE
from nlp_transfer.config.search_space import search_problems
from nlp_transfer.config.typed_values import PartialConfig
from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.validation.row_kinds import DOCUMENTS
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.base import composition_problems, source_free
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.metrics.table import LABEL_FREE
from nlp_transfer.models.outputs import Output
from nlp_transfer.training.run_arguments import optimizer_problems, run_problems

NO_OUTPUT_DIR = "training.output_dir is missing: the folder that the run writes to, such as runs/first."
_NO_TARGET = "text of a target domain, and there is none. Name it with target: {path: …}."


def cross_problems(config: Any) -> list[str]:
    """Return all problems of an `Experiment`, or of a `PartialConfig` of one, that no section can find by itself."""
    return [problem for check in CHECKS for problem in check(config)]


def _corpora(config: Any) -> list[str]:
    """Check the source corpora, each by itself and against the others, and the target."""
    sources = as_tuple(config.source)
    problems = []
    for i, corpus in enumerate(sources):
        problems += corpus_problems(corpus, f"source.{i}" if len(sources) > 1 else "source")
        same = (j for j, other in enumerate(sources[:i]) if other.data is corpus.data and other == corpus)
        if (first := next(same, None)) is not None:
            problems.append(
                f"source.{first} and source.{i} are the same corpus. Name it once; "
                "training.source_weights says how often its rows are drawn."
            )
    return problems + (corpus_problems(config.target, "target") if config.target is not None else [])


def _source_weights(config: Any) -> list[str]:
    """Check the weights of several sources against the sources and the task."""
    from nlp_transfer.training.source_weights import SIZE

    weights = getattr(config.training, "source_weights", None)
    sources = len(as_tuple(config.source))
    if weights in (SIZE, None) or not sources:
        return []
    if sources == 1:
        return [f"training.source_weights is {weights}, and there is one source. Leave it out, or give source a list."]
    if config.task is not None and config.task.columns.kind == DOCUMENTS:
        name = config.task.name
        return [f"training.source_weights is {weights}, and {name} joins the texts of all sources. Leave it out."]
    if isinstance(weights, list) and len(weights) != sources:
        return [f"training.source_weights has {len(weights)} numbers, and there are {sources} sources."]
    return []


def _methods(config: Any) -> list[str]:
    """Check the methods against each other."""
    if config.methods is None:
        return []
    problems = [] if config.methods else ["methods is empty: name at least one, such as full_fine_tuning."]
    if (name := source_free(config.methods)) is not None and config.source is not None:
        problems.append(
            f"methods: {name} adapts a trained model by target text alone, and there is a source. Leave source out and "
            "name the trained model (model: runs/first/model), or take another method, such as coral."
        )
    return composition_problems(config.methods) + problems


def _averaged_weights(config: Any) -> list[str]:
    """Check that the adapted and the source-only model have the same weights, in the same units."""
    methods = config.methods or ()
    if config.source_only_baseline != AVERAGE or not any(method.needs.target_text for method in methods):
        return []
    reasons = [f"{method.name} adds others" for method in methods if method.adds_adapter]
    if config.task is not None and Output.LOGITS not in config.task.provides:
        reasons.append(f"{config.task.name} predicts no classes of texts")
    mean = f"source_only_baseline: {AVERAGE} is the mean of all weights of two classifiers"
    return [f"{mean}, and {reason}. Set source_only_baseline: true." for reason in reasons]


def _needed_source(config: Any) -> list[str]:
    """Check that nothing needs labelled rows of the source where a method adapts without any."""
    name = source_free(config.methods or ())
    if name is None or config.source is not None:
        return []
    needing = [key for key in ("prior_correction", "log_target_scores", "search", "baselines") if getattr(config, key)]
    if getattr(config.training, "early_stopping_patience", None) is not None:
        needing.append("training.early_stopping_patience")
    return [f"{key} needs labelled source rows, and {name} has none. Leave {key} out." for key in needing]


def _needed_target(config: Any) -> list[str]:
    """Check that there is a target where methods or training arguments need its text."""
    if config.methods is None or config.training is None or config.target is not None:
        return []
    from nlp_transfer.training.target_checks import needs_target

    needing = needs_target(config.methods, config.training)
    verb = "needs" if len(needing) == 1 else "need"
    return [f"{' and '.join(needing)} {verb} {_NO_TARGET}"] if needing else []


def _training(config: Any) -> list[str]:
    """Check the training arguments, by themselves and against the task."""
    training, task = config.training, config.task
    if training is None:
        return []
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
    import torch

    if training.fp16 and (training.use_cpu or not torch.accelerator.is_available()):
        problems.append(
            "training.fp16 needs a GPU, and training is on the CPU: it would be fp32. Set training.precision: auto."
        )
    return problems


def _target_labels(config: Any) -> list[str]:
    """Check that checkpoints are chosen by target labels only where a method asks for them."""
    metric = str(getattr(config.training, "metric_for_best_model", None) or "").removeprefix("eval_")
    if metric != TARGET_MACRO_F1 or any(method.needs.target_labels for method in config.methods or ()):
        return []
    return [
        f"training.metric_for_best_model is {TARGET_MACRO_F1}, which reads the target's labels, and no method asks for "
        f"them. Add joint, or choose by a metric of the source or by {', '.join(LABEL_FREE)}."
    ]


def _search(config: Any) -> list[str]:
    """Check the values to try."""
    given = config.search or {}
    return [] if config.training is None else search_problems(given, config.training, config.methods or ())


def _calibration(config: Any) -> list[str]:
    """Check that rows are set apart for calibration only where a task has a decision to fit on them."""
    decides = {Output.LOGITS, Output.NUMBERS, Output.TAGS}
    if config.task is None or config.source is None or config.task.provides & decides:
        return []
    if not any(corpus.split is not None and corpus.split.calibration for corpus in as_tuple(config.source)):
        return []
    return [f"source.split.calibration sets rows apart, and {config.task.name} has no decision. Leave it out."]


def _target_settings(config: Any) -> list[str]:
    """Check the settings that need a target's text and classes against the target and the task."""
    names = [name for name in ("prior_correction", "log_target_scores", "ceiling_baseline") if getattr(config, name)]
    problems = [f"{name} needs {_NO_TARGET}" for name in names if config.target is None]
    if config.training is not None and config.log_target_scores and config.training.eval_strategy == "no":
        problems.append(
            "log_target_scores scores the target in each evaluation, and training.eval_strategy is no. Set it to "
            "epoch or steps, or leave log_target_scores out."
        )
    if config.task is not None and Output.LOGITS not in config.task.provides:
        problems += [f"{name} is for classes of texts; {config.task.name} has none. Leave it out." for name in names]
    return problems


def _fitting_methods(config: Any) -> list[str]:
    """Check that the task's network provides the outputs that each method needs."""
    if config.task is None or config.methods is None:
        return []
    fitting = [name for name, method in METHODS.items() if method.needs.outputs <= config.task.provides]
    return [
        f"methods: {method.name} does not go with {config.task.name}. Methods for it: {', '.join(fitting)}."
        for method in config.methods
        if method.name not in fitting
    ]


def _baselines(config: Any) -> list[str]:
    """Check that the task has the baselines that are named."""
    if not config.baselines or config.task is None:
        return []
    known: Sequence[str] = config.task.baseline_names
    allowed = config.task.default_baselines
    if isinstance(allowed, tuple):
        allowed += config.task.optional_baselines
    else:  # the task could not be read: this is its class
        allowed = known
    return [
        f"baselines: {name} does not go with the settings of this task. Baselines for them: {', '.join(allowed)}."
        for name in config.baselines
        if name in known and name not in allowed
    ] + [
        f"baselines: {did_you_mean('baseline', name, known)}"
        if known
        else f"baselines: {name} does not go with {config.task.name}, which has none. Leave it out."
        for name in config.baselines
        if name not in known
    ]


def _report_examples(config: Any) -> list[str]:
    if (config.report_examples or 0) < 0:  # None where it could not be read
        return [f"report_examples is {config.report_examples}; expected 0 or more."]
    task = config.task
    if config.report_examples and task is not None and not task.provides & {Output.LOGITS, Output.NUMBERS}:
        return [f"report_examples shows wrong classes or numbers; {task.name} predicts neither. Leave it out."]
    return []


def _attention_dropout(config: Any) -> list[str]:
    """Check the share of dropout, and that it stands at the top."""
    problems = []
    if config.attention_dropout is not None and not 0 <= config.attention_dropout < 1:
        problems.append(f"attention_dropout is {config.attention_dropout}; expected 0 <= value < 1, or null.")
    if (share := getattr(config.training, "attention_dropout", None)) is not None:
        problems.append(
            f"training.attention_dropout is {share}; in a configuration it stands at the top: "
            f"attention_dropout: {share}."
        )
    return problems


def _model(config: Any) -> list[str]:
    """Check the tokenizer's path, that the model is there, and that its revision is one of a Hub model."""
    problems = [] if config.tokenizer is None else path_problems("tokenizer", config.tokenizer)
    if config.model is None:
        return problems
    if impossible := path_problems("model", config.model):
        return problems + impossible
    from nlp_transfer.models.files.download import local_revision_problem
    from nlp_transfer.models.files.resolve import resolve_model

    try:
        found = resolve_model(config.model)
    except ConfigError as error:
        return problems + error.problems
    if config.revision is not None and Path(found).is_dir():
        problems.append(f"model: {local_revision_problem(config.model, config.revision)}")
    return problems


def as_tuple(source: Any) -> tuple[Any, ...]:
    """Return one source, several or none as a tuple."""
    return source if isinstance(source, tuple) else () if source is None else (source,)


def corpus_problems(corpus: CorpusConfig | PartialConfig, key: str) -> list[str]:
    """Return what is wrong with a corpus's settings, as far as they could be read; `key` is their place."""
    problems = corpus.problems(key) if isinstance(corpus, CorpusConfig) else []
    if corpus.path is not None:
        impossible = path_problems(f"{key}.path", corpus.path)
        problems += impossible
        if not impossible and not Path(corpus.path).exists():
            problems.append(f"{key}.path: there is no file or folder {corpus.path} (from {Path.cwd()}).")
    return problems


CHECKS: tuple[Callable[[Any], list[str]], ...] = (
    _corpora,
    _source_weights,
    _methods,
    _averaged_weights,
    _needed_source,
    _needed_target,
    _training,
    _target_labels,
    _search,
    _target_settings,
    _calibration,
    _fitting_methods,
    _baselines,
    _attention_dropout,
    _report_examples,
    _model,
)
"""All checks, in the order of their messages."""
