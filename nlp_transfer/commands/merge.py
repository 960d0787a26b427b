"""Merge weights of finished runs."""

from typing import Any, Literal

from nlp_transfer.errors import ConfigError


def merge(
    method: Literal["wise_ft", "soup"],
    runs: list[str],
    *,
    output: str | None = None,
    alphas: list[float] | None = None,
    choose_by: str | None = None,
    greedy: bool = False,
) -> None:
    """Merge weights of finished runs into one model.

        nlp-transfer merge wise_ft runs/books_to_kitchen
        nlp-transfer merge wise_ft runs/books_to_kitchen --choose_by target_infomax --output runs/wise
        nlp-transfer merge soup runs/seed0 runs/seed1 runs/seed2 --output runs/soup --greedy

    WiSE-FT (arXiv:2109.01903) scores the weights between the pretrained encoder (alpha 0) and the fine-tuned one (1) on
    source and target; soups (arXiv:2203.05482) are means of runs of one base model, corpus and task, whose seeds and
    settings may differ. The merged model is chosen by source validation, or without labels; target labels are for the
    table only. The result is a folder that predict, evaluate, export and push read.

    Args:
        method: wise_ft, between the pretrained and the fine-tuned encoder of one run; soup, the mean of several runs.
        runs: output folders of finished runs.
        output: a new folder; of wise_ft, null is wise_ft in the run's.
        alphas: of wise_ft, the weights to score; null is 0, 0.1 … 1.
        choose_by: of wise_ft, the task's primary metric on source validation (null), or for classifiers target_infomax,
            target_entropy, target_density.
        greedy: of soup, write the greedy soup; both are scored.
    """
    from nlp_transfer.reporting.tables import console, to_rich

    if method == "wise_ft":
        from nlp_transfer.commands.wise_ft import wise_ft

        if len(runs) > 1 or greedy:
            raise ConfigError(f"--greedy is of soup. {_WISE}" if greedy else f"{len(runs)} runs were given. {_WISE}")
        given: dict[str, Any] = {"alphas": alphas, "choose_by": choose_by}
        done = wise_ft(runs[0], output, **{name: value for name, value in given.items() if value is not None})
    else:
        from nlp_transfer.commands.model_soup import soup

        if alphas is not None or choose_by is not None:
            raise ConfigError(f"--{'choose_by' if alphas is None else 'alphas'} is of wise_ft. {_SOUP}")
        if output is None:
            raise ConfigError(f"--output is missing. {_SOUP}")
        done = soup(runs, output, greedy=greedy)
    console().print(to_rich(done.table))
    for word, path in done.paths.items():
        print(f"{word:<8} {path}")


_WISE = "Expected: merge wise_ft RUN, with --output, --alphas, --choose_by."
_SOUP = "Expected: merge soup RUN RUN … --output DIR, with --greedy."
