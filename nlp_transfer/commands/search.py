"""Values that a run chooses by itself: one run for each, judged without a look at what is reported.

    search: {methods.dann.weight: [0.03, 0.1, 0.3]}

Each combination is a run of its own in `candidates/` of the run's folder; the best by `metric_for_best_model` is then
the run itself, from its last checkpoint on. Candidates that are finished are not run again.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from nlp_transfer.config.experiment import Experiment, candidate_configs
from nlp_transfer.config.search_space import CANDIDATES, describe_values
from nlp_transfer.errors import TrainingError
from nlp_transfer.reporting.run_folder import CHECKPOINTS, LOG

SEARCH_FACT = "candidates"
"""The fact that says what was tried and chosen."""


@dataclass(frozen=True)
class SearchResult:
    """The values that were chosen.

    Args:
        config: the run with them.
        folder: of the candidate that had them.
        facts: for the report: what was tried, and how good it was.
    """

    config: Experiment
    folder: Path
    facts: dict[str, str]


def candidates(config: Experiment, folder: Path) -> Iterator[tuple[str, Experiment]]:
    """The runs to choose from, (values in words, configuration): without baselines, and without a run beside."""
    for number, (values, made) in enumerate(candidate_configs(config)):
        training = made.training.with_output_dir(str(folder / CANDIDATES / str(number)))
        yield (
            describe_values(values),
            dataclasses.replace(
                made, training=training, source_only_baseline=False, baselines=(), prior_correction=False
            ),
        )


def choose(
    config: Experiment, folder: Path, run: Callable[[Experiment], Any], tell: Callable[[str], None]
) -> SearchResult:
    """Run the candidates and take the best. On all processes together.

    Args:
        config: of the run, with `search`.
        folder: the run's.
        run: runs one, or does nothing where it is finished.
        tell: is told how good each is.

    Raises:
        TrainingError: a candidate has no score.
    """
    metric = str(config.training.metric_for_best_model).removeprefix("eval_")
    greater = bool(config.training.greater_is_better)
    tried = list(candidates(config, folder))
    scores = []
    for number, (words, candidate) in enumerate(tried, start=1):
        run(candidate)
        place = Path(str(candidate.training.output_dir))
        shared = [score_of(place, metric, greater=greater) if PartialState().is_main_process else 0.0]
        scores.append(broadcast_object_list(shared)[0] if PartialState().num_processes > 1 else shared[0])
        tell(f"Candidate {number} of {len(tried)}, {words}: {metric} {scores[-1]:.4f}.")
    best = (max if greater else min)(range(len(tried)), key=lambda i: scores[i])
    words, candidate = tried[best]
    tell(f"Chosen by {metric}: {words}.")
    _, made = list(candidate_configs(config))[best]
    facts = {words: f"{metric} {score:.4f}" for (words, _), score in zip(tried, scores, strict=True)}
    return SearchResult(made, Path(str(candidate.training.output_dir)), {"chosen": words, **facts})


def score_of(folder: Path, metric: str, *, greater: bool) -> float:
    """What a finished candidate is judged by: the best evaluation of its training, whose weights it has.

    Raises:
        TrainingError: none has the metric.
    """
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    found = [entry[f"eval_{metric}"] for entry in map(json.loads, lines) if entry.get(f"eval_{metric}") is not None]
    if not found:
        raise TrainingError(f"{folder / LOG} has no evaluation with {metric}, by which candidates are judged.")
    return float((max if greater else min)(found))


def promote(choice: SearchResult, folder: Path) -> None:
    """Let the run begin where the candidate ended: its checkpoints are moved, all at once."""
    theirs, ours = choice.folder / CHECKPOINTS, folder / CHECKPOINTS
    if theirs.exists() and not ours.exists():
        theirs.rename(ours)
