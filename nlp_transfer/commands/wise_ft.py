"""Interpolate between the pretrained and the fine-tuned encoder (WiSE-FT), often better on a shifted target than both.

    theta(alpha) = (1 - alpha) theta_pretrained + alpha theta_fine_tuned,    alpha = 0, 0.1, …, 1

The reference interpolates the head, too, with a zero-shot one; a pretrained encoder has none, so the fine-tuned head
stays as it is at every alpha. Near alpha = 0 it reads features that it was not trained on, unless the run was `lp_ft`.
Reference: Wortsman et al. (2022), https://arxiv.org/abs/2109.01903
"""

import json
import logging
from collections.abc import Sequence
from typing import Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.merged_card import CURVE, WISE_FT, choice_text
from nlp_transfer.commands.merged_models import MergeResult, ScoredWeights, WeightScorer, weight_choices
from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.files import check_empty_folder, to_json_value
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.families import encoder_layers, family
from nlp_transfer.models.weight_averaging import Weights, interpolate
from nlp_transfer.reporting.figures import svg
from nlp_transfer.reporting.sections.results import side_by_side
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks.charts import Curves
from nlp_transfer.training.setup import load_model

log = logging.getLogger(__name__)

PICTURE = "curve.svg"

ALPHAS = tuple(step / 10 for step in range(11))


def wise_ft(
    folder: str, output: str | None = None, *, alphas: Sequence[float] = ALPHAS, choose_by: str | None = None
) -> MergeResult:
    """Score the weights between a run's pretrained and its fine-tuned encoder, and write the best as a model.

    Of alphas with equal scores, the nearest to 0.5 is chosen. `choose_by` is a name of `weight_choices`; None is the
    task's primary metric on source validation.
    """
    run = read_run(folder)
    _check_options(run, alphas, choose_by)
    place = check_empty_folder(run.folder / WISE_FT if output is None else output, "--output")
    scorer = WeightScorer(run, choose_by)
    fine_tuned = run.weights
    pretrained, names = _pretrained(run, scorer, fine_tuned)
    curve: dict[float, ScoredWeights] = {}
    for alpha in sorted(set(alphas)):
        scored = curve[alpha] = scorer.score(interpolate(pretrained, fine_tuned, alpha, names))
        log.info("alpha %g: %s %.4f", alpha, scorer.label_free or scored.primary, scored.value)
    alpha = chosen_alpha({alpha: one.rank for alpha, one in curve.items()})
    primary = METRICS[curve[alpha].primary]
    chosen_by = scorer.label_free or primary.name
    title = f"WiSE-FT of {run.folder}, chosen (←) by {choice_text(chosen_by)}"
    metrics = {f"{one:g}": scored.metrics for one, scored in curve.items()}
    table = side_by_side(metrics, title, "alpha", f"{alpha:g}", primary=primary.name)
    how = {"method": WISE_FT, "alpha": alpha, "chosen_by": chosen_by}
    report = (
        f"The encoder of {run.folder} at alpha = {alpha:g} between the pretrained weights (0) and the fine-tuned ones "
        f"(1); the head is the fine-tuned one at every alpha. Chosen by {choice_text(chosen_by)}; target labels are "
        f"for this report only.\n\n![{primary.title} at each alpha]({PICTURE})\n\n## Scores\n\n{to_markdown(table)}"
    )
    points = [{"alpha": at, chosen_by: one.value, "scores": one.metrics} for at, one in curve.items()]
    scores = to_json_value({"chosen": alpha, "chosen_by": chosen_by, "points": points})
    files = {
        "curve": (CURVE, json.dumps(scores, indent=2, ensure_ascii=False)),
        "picture": (PICTURE, svg(Curves("alpha: 0 pretrained, 1 fine-tuned", primary.title, _lines(curve), alpha))),
    }
    weights = interpolate(pretrained, fine_tuned, alpha, names)
    paths = scorer.write(place, weights, curve[alpha], runs=[run], how=how, report=report, files=files)
    return MergeResult(alpha, curve, table, paths)


def _check_options(run: FinishedRun, alphas: Sequence[float], choose_by: str | None) -> None:
    choices = weight_choices(run.settings.task)
    problems = []
    if choose_by not in (None, *choices):
        problems.append(f"--choose_by: {did_you_mean('score', str(choose_by), choices)}")
    if not alphas or not all(0 <= alpha <= 1 for alpha in alphas):
        problems.append(f"--alphas is {list(alphas)}; expected numbers from 0 (pretrained) to 1 (fine-tuned).")
    if problems:
        raise ConfigError(problems)


def chosen_alpha(scores: dict[float, float]) -> float:
    """Return the alpha of the best score; of several the nearest to 0.5, of two as near the larger.

    Example:
        >>> chosen_alpha({0.0: 0.5, 0.3: 0.9, 0.4: 0.9})
        0.4
    """
    best = max(scores.values())
    return min((alpha for alpha, score in scores.items() if score == best), key=lambda one: (abs(one - 0.5), -one))


def _lines(curve: dict[float, ScoredWeights]) -> dict[str, list[list[float]]]:
    """Return the primary metric at each alpha, by domain and split."""
    first = next(iter(curve.values()))
    return {
        f"{domain} {split}": [[alpha, one.metrics[domain][split][first.primary]] for alpha, one in curve.items()]
        for domain, splits in first.metrics.items()
        for split, scores in splits.items()
        if first.primary in scores
    }


def _pretrained(run: FinishedRun, scorer: WeightScorer, fine_tuned: Weights) -> tuple[Weights, set[str]]:
    """Return the pretrained weights, and the names of those that training moved, without the head."""
    loaded = load_model(run.settings, scorer.task)
    model: Any = loaded.model
    trained: Any = run.predictor.model
    if len(encoder_layers(trained)) < len(encoder_layers(model)):
        raise CheckpointError(
            f"{run.folder} has {len(encoder_layers(trained))} layers, and {run.settings.model} has "
            f"{len(encoder_layers(model))}: they do not pair. Expected a run that trained all layers."
        )
    heads = tuple(f"{name}." for name in family(model).head)
    pretrained = {name: weight.to(scorer.predictor.model.device) for name, weight in model.state_dict().items()}
    common = {
        name
        for name, weight in pretrained.items()
        if name in fine_tuned
        and weight.is_floating_point()
        and weight.shape == fine_tuned[name].shape
        and not name.startswith(heads)
        and name not in loaded.new_parameters
    }
    moved_names = {name for name in common if not pretrained[name].equal(fine_tuned[name])}
    if not moved_names:
        raise ConfigError(f"{run.folder}: its encoder is as it was before training, so nothing lies between.")
    return pretrained, moved_names
