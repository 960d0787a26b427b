"""Compare finished runs."""

from typing import Literal

from nlp_transfer.errors import ConfigError


def compare(
    runs: list[str],
    *,
    domain: Literal["source", "target"] = "source",
    split: str = "test",
    output: str | None = None,
) -> None:
    """Compare finished runs on the same rows, over seeds, with paired intervals.

        nlp-transfer compare runs/lora_seed0 runs/lora_seed1 runs/full_seed0 runs/full_seed1
        nlp-transfer compare runs/lora runs/full --domain target --output runs/lora_or_full

    Runs that differ in their seed alone are one system. They are compared by their task's first metric, such as
    macro-F1. The interval of a difference resamples rows and seeds; p is corrected for the number of pairs (Holm).

    Args:
        runs: output folders of finished runs, two or more, that were scored on the same rows.
        domain: the domain whose rows are compared.
        split: the split whose rows are compared.
        output: a new folder for compare.html, compare.md and compare.json; null writes none.
    """
    from nlp_transfer.commands.run_comparison import compare_runs, write_comparison
    from nlp_transfer.files import check_empty_folder
    from nlp_transfer.reporting.tables import console
    from nlp_transfer.reporting.terminal import path_lines, print_sections

    if len(runs) < 2:
        raise ConfigError("compare needs two finished runs or more. Expected: compare RUN RUN …")
    place = None if output is None else check_empty_folder(output, "--output")
    comparison = compare_runs(runs, domain, split)
    print_sections([comparison.section()])
    if place is not None:
        console().print(*path_lines(write_comparison(comparison, place)), sep="\n")
