"""Run a sweep."""


def sweep(*, config: str, table: bool = False) -> None:
    """Run every cell of a sweep (corpus x method x seed) and print one table with mean and spread.

        nlp-transfer sweep --config configs/sweeps/classification.yaml

    Interrupted, the same command goes on: finished cells are not run again, and an unfinished one continues from its
    last checkpoint. Results stand in results.jsonl in the sweep's output_dir, one line a cell.

    Args:
        config: the sweep's YAML file.
        table: print the table of what is finished, and run nothing.
    """
    from nlp_transfer.commands.sweep_runs import RESULTS, read_sweep, results_of, run_sweep
    from nlp_transfer.commands.sweep_tables import sweep_table
    from nlp_transfer.reporting.tables import console, to_rich

    plan = read_sweep(config)
    results = results_of(plan) if table else run_sweep(plan)
    console().print(to_rich(sweep_table(results, f"{config}: {plan.output_dir / RESULTS}")))
