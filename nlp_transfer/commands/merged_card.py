"""Read a merged model with its runs, and make its card.

Its config.json names each run by its folder's name and the fingerprint of its weights; a card and the scan of a push
need what the runs' folders hold: encoder, corpora, methods.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.model_card import base_of, recipe, run_card
from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import read_json
from nlp_transfer.hub.card import Card
from nlp_transfer.metrics.table import LABEL_FREE, METRICS
from nlp_transfer.reporting.report import METRICS_FILE, MODEL
from nlp_transfer.reporting.sections.results import side_by_side
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.base import DomainScores
from nlp_transfer.tasks.saved_folder import CONFIG_KEY

MERGED = "merged"
"""The key of our record in a model's config.json for how the model was merged."""

CURVE = "curve.json"
"""The file of the scores of each alpha, next to a model that was merged by WiSE-FT."""

WISE_FT = "wise_ft"

_WISE_FT_REFERENCE = "Wortsman et al. (2022), https://arxiv.org/abs/2109.01903"
_SOUP_REFERENCE = "Wortsman et al. (2022), https://arxiv.org/abs/2203.05482"


@dataclass(frozen=True)
class MergedModel:
    """Hold a merged model, how it was made, its runs as far as they were found, and the names of the others."""

    folder: Path
    how: Mapping[str, Any]
    metrics: DomainScores
    runs: tuple[FinishedRun, ...]
    missing: tuple[str, ...] = ()

    @property
    def is_wise_ft(self) -> bool:
        """Return True for WiSE-FT, False for a soup."""
        return bool(self.how["method"] == WISE_FT)

    @property
    def words(self) -> str:
        """Return a short description."""
        if self.is_wise_ft:
            return f"WiSE-FT at alpha {self.how['alpha']:g}"
        count = len(self.how["runs"])
        return f"{self.how['method']} of {count} run{'s' * (count > 1)}"

    def require_runs(self, why: str, instead: str) -> None:
        """Raise CheckpointError if a run is missing, with the need for it and another remedy."""
        if self.missing:
            raise CheckpointError(
                f"{self.folder} was merged from runs that are not next to it: {', '.join(self.missing)}. They are "
                f"needed: {why}. Name the folders of all its runs with --run, or {instead}."
            )


PushableModel = FinishedRun | MergedModel
"""A source of a model to push."""


def citations_of_runs(runs: Sequence[FinishedRun]) -> list[dict[str, str]]:
    """Return the names and fingerprints of runs, without paths, so that they may be published."""
    return [{"name": run.folder.resolve().name, "fingerprint": run.fingerprint} for run in runs]


def is_merged(folder: Path) -> bool:
    """Return True if scripts/merge.py wrote a folder."""
    return MERGED in _record(folder)


def read_merged(folder: Path, given: Sequence[Path] = ()) -> MergedModel:
    """Read a merged model and its runs, which are `given`, or next to its folder."""
    how = _record(folder)[MERGED]
    wanted = {one["fingerprint"]: one["name"] for one in how["runs"] if isinstance(one, dict)} if "runs" in how else {}
    if not wanted:
        raise CheckpointError(
            f"{folder} does not say by their fingerprints which runs it is of, as scripts/merge.py writes it now. "
            "Merge them again."
        )
    around = folder.resolve().parent
    places = given or [place for place in (around, *(around / name for name in wanted.values())) if _is_run(place)]
    runs = {run.fingerprint: run for run in map(read_run, places)}
    if given and (others := [run for own, run in runs.items() if own not in wanted]):
        expected = " or ".join(f"{own[:12]}… ({name})" for own, name in wanted.items())
        raise CheckpointError(
            [
                f"--run {run.folder}: {folder} was not merged from it: the fingerprint of its weights is "
                f"{run.fingerprint[:12]}…, expected {expected}."
                for run in others
            ]
        )
    return MergedModel(
        folder,
        how,
        read_json(folder / METRICS_FILE, missing_ok=True),
        tuple(runs[own] for own in wanted if own in runs),
        tuple(name for own, name in wanted.items() if own not in runs),
    )


def merged_card(
    merged: MergedModel, repo_id: str, *, license_name: str | None = None, language: Sequence[str] = ()
) -> Card:
    """Return the card of a merged model with all of its runs; for the arguments see `run_card`."""
    card = run_card(_as_run(merged), repo_id, adapter=False, license_name=license_name, language=language)
    base, task = base_of(merged.runs[0]).words, merged.runs[0].task
    methods = " and ".join(f"`{name}`" for name in dict.fromkeys(method["name"] for method in _methods(merged)))
    primary = METRICS[TASKS[task].primary_metric].title
    if merged.is_wise_ft:
        what = f"weights between those of {base} and those that training by {methods} for the task `{task}` made of it"
        by = choice_text(merged.how["chosen_by"])
        how = (
            f"**Merged** by WiSE-FT: the encoder at alpha = {merged.how['alpha']:g} between the pretrained weights (0) "
            f"and the fine-tuned ones (1), with the fine-tuned head; alpha was chosen by {by}: {_WISE_FT_REFERENCE}."
        )
        limit = "The head was trained on the fine-tuned encoder's features, not on those of this one."
    else:
        what = f"the {merged.words}, the mean of their weights: {base}, trained by {methods} for the task `{task}`"
        how = (
            f"**Merged** as a {merged.how['method']}: the mean of the weights of {'; '.join(_recipes(merged))}. "
            f"Greedy soups take runs by {primary} on source validation: {_SOUP_REFERENCE}."
        )
        limit = "Each run began with a head of its own, and the mean of such heads may be worse: see the table."
    table = "".join(_table(merged))
    return replace(
        card,
        summary=f"{what}, with nlp-transfer.",
        relation="merge" if merged.is_wise_ft else "finetune",  # no run of a soup is its base model
        transfer=[*card.transfer, how],
        scores=f"{table}\n{card.scores}",
        limits=[*card.limits, limit],
        tags=[*card.tags, "merge", str(merged.how["method"]).replace(" ", "-").replace("_", "-")],
    )


def choice_text(name: str) -> str:
    """Return the description of a score by which weights were chosen.

    Example:
        >>> choice_text("macro_f1"), choice_text("target_infomax")
        ('macro-F1 on source validation', '`target_infomax` of target texts without labels')
    """
    if name in LABEL_FREE:
        return f"`{name}` of target texts without labels"
    return f"{METRICS[name].title} on source validation"


def _record(folder: Path) -> Mapping[str, Any]:
    tree = read_json(folder / MODEL / "config.json", missing_ok=True)
    record = tree.get(CONFIG_KEY) if isinstance(tree, dict) else None
    return record if isinstance(record, dict) else {}


def _is_run(place: Path) -> bool:
    return (place / "run.json").is_file() and (place / MODEL).is_dir()


def _methods(merged: MergedModel) -> list[Mapping[str, Any]]:
    """Return the methods of all runs, each once."""
    found: list[Mapping[str, Any]] = []
    for run in merged.runs:
        found += [method for method in run.config["methods"] if method not in found]
    return found


def _as_run(merged: MergedModel) -> FinishedRun:
    """Return the model as its first run with a target, or its first; a soup has no recipe."""
    first = next((run for run in merged.runs if run.config.get("target")), merged.runs[0])
    config = {**first.config, "methods": _methods(merged)}
    if not merged.is_wise_ft:
        del config["training"]
    report = replace(first.report, metrics=merged.metrics)
    return FinishedRun(merged.folder, {**first.record, "config": config}, report)


def _recipes(merged: MergedModel) -> Iterator[str]:
    for number, run in enumerate(merged.runs, 1):
        methods = " and ".join(f"`{method['name']}`" for method in run.config["methods"])
        yield f"run {number} ({methods}; {recipe(run.config)})"


def _table(merged: MergedModel) -> Iterator[str]:
    """Yield the heading and the table of the scores of each alpha, or of each run and the soup."""
    primary, like = TASKS[merged.runs[0].task].primary_metric, merged.metrics
    if not merged.is_wise_ft:
        scored = {f"run {number}": run.report.metrics for number, run in enumerate(merged.runs, 1)}
        name = str(merged.how["method"])
        yield "### The runs and their soup\n\n"
        yield to_markdown(side_by_side({**scored, name: merged.metrics}, "", "", name, primary=primary, like=like))
    elif points := read_json(merged.folder / CURVE, missing_ok=True).get("points"):
        yield "### Between the pretrained encoder (alpha 0) and the fine-tuned one (1)\n\n"
        scored = {f"{point['alpha']:g}": point["scores"] for point in points}
        yield to_markdown(side_by_side(scored, "", "alpha", f"{merged.how['alpha']:g}", primary=primary, like=like))
