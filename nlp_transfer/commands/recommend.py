"""Recommend how to train: compare methods within a budget of time."""

import sys

from nlp_transfer.commands.train import resuming_command
from nlp_transfer.config.command_ending import INTERRUPTED, RESUMABLE
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.errors import RunInterrupted

BASE_CONFIG = {"training": {"output_dir": "runs/recommended"}}
"""The configuration under the user's: a folder for the run that is recommended."""


def recommend(
    config: Experiment,
    *,
    budget_minutes: float = 20.0,
    output: str = "runs/recommendation",
    resume: bool = False,
) -> int:
    """Recommend how to train: compare methods within a budget of time.

        nlp-transfer recommend --config configs/quickstart.yaml --budget_minutes 10
        nlp-transfer train --config runs/recommendation/recommended.yaml

    Compares frozen features, contrastive training, full and partial fine-tuning, LoRA and the configuration's own
    methods on the validation rows: each in full, the likeliest first, or the better ones for longer where there is no
    time for that (successive halving). Test rows and the target are not used.

    Args:
        config: the experiment, as of `train`.
        budget_minutes: time for all runs; the one that is running at its end is finished.
        output: a new folder for the runs, the page and recommended.yaml.
        resume: go on with an interrupted recommendation in --output.
    """
    from nlp_transfer.commands.recommendation import recommend as recommendation_of
    from nlp_transfer.reporting.tables import console
    from nlp_transfer.reporting.terminal import path_lines, print_sections
    from nlp_transfer.training.signals import StopSignals

    with StopSignals() as signals:
        try:
            found = recommendation_of(
                config, budget_minutes=budget_minutes, output=output, resume=resume, stop_signals=signals
            )
        except RunInterrupted as stop:
            print(f"{stop}\nGo on with{resuming_command()}", file=sys.stderr)
            return INTERRUPTED if stop.at_once else RESUMABLE
    print_sections(found.sections)
    console().print(*path_lines(found.paths), sep="\n")
    return 0
