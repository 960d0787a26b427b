"""Read a merged model with the records of its runs, and make its card."""

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
from nlp_transfer.tasks.saved_folder import saved_record

MERGED = "merged"
"""The key of our record in a model's config.json for how the model was merged."""

CURVE = "curve.json"
"""The file of the scores of each alpha, next to a model that was merged by WiSE-FT."""

RUNS = "runs"
"""The folder next to a merged model with the records and reports of its runs, which its card and a push need."""

WISE_FT = "wise_ft"

_WISE_FT_REFERENCE = "Wortsman et al. (2022), https://arxiv.org/abs/2109.01903"
_SOUP_REFERENCE = "Wortsman et al. (2022), https://arxiv.org/abs/2203.05482"


@dataclass(frozen=True)
class MergedModel(FinishedRun):
    """Hold a merged model, how it was made, and its runs without their models."""

    how: Mapping[str, Any]
    runs: tuple[FinishedRun, ...]

    @property
    def is_wise_ft(self) -> bool:
        """Return True for WiSE-FT, False for a soup."""
        return bool(self.how["method"] == WISE_FT)

    @property
    def words(self) -> str:
        """Return a short description."""
        if self.is_wise_ft:
            return f"WiSE-FT at alpha {self.how['alpha']:g}"
        count = len(self.runs)
        return f"{self.how['method']} of {count} run{'s' * (count > 1)}"


def is_merged(folder: Path) -> bool:
    """Return True if scripts/merge.py wrote a folder."""
    return MERGED in saved_record(folder / MODEL)


def read_merged(folder: Path) -> MergedModel:
    """Read a merged model as a run: its first with a target, or its first, with the methods of all; soups train not."""
    if not (folder / RUNS).is_dir():
        raise CheckpointError(f"{folder} lacks {RUNS}/, which a merge writes. Copy it from there, or merge again.")
    how = saved_record(folder / MODEL)[MERGED]
    runs = [read_run(folder / RUNS / str(number)) for number, _ in enumerate(how["runs"], 1)]
    first = next((run for run in runs if run.config.get("target")), runs[0])
    methods = [method for run in runs for method in run.config["methods"]]
    config = {**first.config, "methods": [one for n, one in enumerate(methods) if one not in methods[:n]]}
    if how["method"] != WISE_FT:
        del config["training"]
    report = replace(first.report, metrics=read_json(folder / METRICS_FILE, missing_ok=True))
    return MergedModel(folder, {**first.record, "config": config}, report, how, tuple(runs))


def merged_card(
    merged: MergedModel, repo_id: str, *, license_name: str | None = None, language: Sequence[str] = ()
) -> Card:
    """Return the card of a merged model with all of its runs; for the arguments see `run_card`."""
    card = run_card(merged, repo_id, adapter=False, license_name=license_name, language=language)
    base, task = base_of(merged).words, merged.task
    methods = " and ".join(f"`{name}`" for name in dict.fromkeys(method["name"] for method in merged.config["methods"]))
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


def _recipes(merged: MergedModel) -> Iterator[str]:
    for number, run in enumerate(merged.runs, 1):
        methods = " and ".join(f"`{method['name']}`" for method in run.config["methods"])
        yield f"run {number} ({methods}; {recipe(run.config)})"


def _table(merged: MergedModel) -> Iterator[str]:
    """Yield the heading and the table of the scores of each alpha, or of each run and the soup."""
    primary, like = TASKS[merged.task].primary_metric, merged.report.metrics
    if not merged.is_wise_ft:
        scored = {f"run {number}": run.report.metrics for number, run in enumerate(merged.runs, 1)}
        name = str(merged.how["method"])
        yield "### The runs and their soup\n\n"
        yield to_markdown(side_by_side({**scored, name: like}, "", "", name, primary=primary, like=like))
    elif points := read_json(merged.folder / CURVE, missing_ok=True).get("points"):
        yield "### Between the pretrained encoder (alpha 0) and the fine-tuned one (1)\n\n"
        scored = {f"{point['alpha']:g}": point["scores"] for point in points}
        yield to_markdown(side_by_side(scored, "", "alpha", f"{merged.how['alpha']:g}", primary=primary, like=like))
