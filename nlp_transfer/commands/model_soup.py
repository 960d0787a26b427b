"""Average the weights of several runs: a model soup, which predicts at the cost of one of them.

All runs started from the same encoder, on the same corpus and labels. The reference's runs share their initial head;
here each seed has its own, and the mean of such heads may be useless: see the table, and configs/README.md.
Reference: Wortsman et al. (2022), https://arxiv.org/abs/2203.05482
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.merged_models import MergeResult, ScoredWeights, WeightScorer
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.files import check_empty_folder
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.weight_averaging import Weights, average, shape_differences
from nlp_transfer.reporting.sections.results import side_by_side
from nlp_transfer.reporting.tables import to_markdown

log = logging.getLogger(__name__)

UNIFORM, GREEDY = "uniform soup", "greedy soup"
"""The names of the soups in tables."""


def soup(folders: Sequence[str], output: str, *, greedy: bool = False) -> MergeResult:
    """Average the models of several runs, and write the mean, or the greedy soup, as a model; both are scored."""
    if len(folders) < 2 or len({Path(name).resolve() for name in folders}) < len(folders):
        raise ConfigError(f"A soup needs at least two runs, each once; got {', '.join(folders) or 'none'}.")
    place = check_empty_folder(output, "--output")
    runs = [read_run(folder) for folder in folders]
    check_same_recipe(runs)
    scorer = WeightScorer(runs[0])
    weights = {str(run.folder): run.weights for run in runs}
    scored, taken = _score_all(scorer, weights)
    kept, name = (taken, GREEDY) if greedy else (tuple(weights), UNIFORM)
    primary = METRICS[scored[name].primary]
    metrics = {one: of.metrics for one, of in scored.items()}
    table = side_by_side(metrics, "Soups, and what is in them", "run", name, primary=primary.name)
    report = (
        f"The {name} of {', '.join(kept)}: the mean of their weights. The greedy soup takes a run if "
        f"{primary.title} on source validation does not fall by it; target labels are for this report only.\n\n"
    )
    if (advice := _advice(name, kept, scored, list(weights))) is not None:
        log.info(advice)
        report += f"{advice}\n\n"
    report += f"## Scores\n\n{to_markdown(table)}"
    averaged, inside = average([weights[one] for one in kept]), [run for run in runs if str(run.folder) in kept]
    paths = scorer.write(place, averaged, scored[name], runs=inside, how={"method": name}, report=report)
    return MergeResult(kept, scored, table, paths)


def _score_all(
    scorer: WeightScorer, weights: Mapping[str, Weights]
) -> tuple[dict[str, ScoredWeights], tuple[str, ...]]:
    """Score each run, the uniform and the greedy soup; return the scores, and the greedy soup's ingredients."""
    scored: dict[str, ScoredWeights] = {}

    def log_score(name: str, of: str = "") -> None:
        title = METRICS[scored[name].primary].title
        log.info("%s%s: %s %.4f on source validation", name, of, title, scored[name].value)

    for name, of in {**weights, UNIFORM: average(list(weights.values()))}.items():
        scored[name] = scorer.score(of)
        log_score(name)
    order = sorted(weights, key=lambda name: -scored[name].rank)

    def of_some(names: tuple[str, ...], *, reported: bool) -> ScoredWeights:
        if len(names) in (1, len(weights)):
            return scored[names[0] if len(names) == 1 else UNIFORM]
        return scorer.score(average([weights[name] for name in names]), reported=reported)

    taken = greedy_ingredients(order, lambda names: of_some(names, reported=False).rank)
    scored[GREEDY] = of_some(taken, reported=True)
    log_score(GREEDY, f" of {', '.join(taken)}")
    return scored, taken


def _advice(name: str, kept: Sequence[str], scored: dict[str, ScoredWeights], runs: list[str]) -> str | None:
    """Return a warning for a soup that is no better than its runs; None for a better one."""
    if len(kept) == 1:
        return f"The {name} is {kept[0]} alone: no other run made it better."
    best = max(runs, key=lambda run: scored[run].rank)
    below = [run for run in runs if scored[run].rank > scored[name].rank]
    if len(below) < len(runs):
        return None
    return (
        f"Warning: the {name} scores below every run that is in it ({METRICS[scored[name].primary].title} "
        f"{scored[name].value:.4f} on source validation; {best} has {scored[best].value:.4f}): their weights do not go "
        "together. Take a run, or --greedy."
    )


def greedy_ingredients(order: Sequence[str], score: Callable[[tuple[str, ...]], float]) -> tuple[str, ...]:
    """Choose the runs of the greedy soup: each in order, if the score of the mean does not fall.

    Example:
        >>> greedy_ingredients(["a", "b"], {("a",): 0.8, ("a", "b"): 0.7}.__getitem__)
        ('a',)
    """
    taken: tuple[str, ...] = (order[0],)
    best = score(taken)
    for name in order[1:]:
        found = score((*taken, name))
        if found >= best:
            taken, best = (*taken, name), found
    return taken


def check_same_recipe(runs: Sequence[FinishedRun]) -> None:
    """Check that the weights of runs can be averaged; raise CheckpointError with all that differs."""
    problems = [
        f"{run.folder} does not go with {runs[0].folder}: its {what} differ{'' if what == 'labels' else 's'}{values}."
        for run in runs[1:]
        for what, values in _differences(runs[0], run)
    ]
    if problems:
        rule = "A soup is of runs of one base model, task, corpus, labels and target; seeds and settings may differ."
        raise CheckpointError([*problems, rule])


def _differences(one: FinishedRun, other: FinishedRun) -> list[tuple[str, str]]:
    """Return what differs between two runs, each with both values."""
    a, b = one.predictor, other.predictor
    networks: list[Any] = [a.model, b.model]
    found = []
    if (one.settings.model, one.inputs.get("model")) != (other.settings.model, other.inputs.get("model")):
        found.append(("base model", f" ({other.settings.model} and {one.settings.model})"))
    labels = [list(network.config.id2label.values()) for network in networks]
    if labels[0] != labels[1] or networks[0].config.problem_type != networks[1].config.problem_type:
        found.append(("labels", f" ({', '.join(labels[1])} and {', '.join(labels[0])})"))
    if _vocabulary(a.tokenizer) != _vocabulary(b.tokenizer):
        found.append(("tokenizer", ""))
    if one.settings.task != other.settings.task:
        found.append(("task", f" ({other.settings.task} and {one.settings.task})"))
    for name in ("source corpus", "target corpus"):
        a_print, b_print = (run.inputs.get(name, "") for run in (one, other))
        if a_print != b_print and (name == "source corpus" or (a_print and b_print)):
            found.append((name, f" (fingerprints {b_print[:12]}… and {a_print[:12]}…)"))
    if shapes := shape_differences(one.weights, other.weights):
        found.append(("network", f" (in {len(shapes)} weights, such as {shapes[0]})"))
    return found


def _vocabulary(tokenizer: Any) -> Any:
    """Return the definition of a tokenizer, for comparison."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer.get_vocab()
    return {**json.loads(backend.to_str()), "truncation": None, "padding": None}  # which belong to the last call
