"""Run a sweep."""


def sweep(*, config: str, table: bool = False, output: str | None = None) -> None:
    """Run every cell of a sweep (corpus x method x seed), tabulate mean and spread, and compare the systems.

        nlp-transfer sweep --config configs/sweeps/classification.yaml
        nlp-transfer sweep --config configs/sweeps/classification.yaml --table --output runs/classification_compared

    Interrupted, the same command goes on: finished cells are not run again, and an unfinished one continues from its
    last checkpoint. Results stand in results.jsonl in the sweep's output_dir, one line a cell. The systems of a corpus
    are compared as by the command compare: paired intervals over rows and seeds.

    Args:
        config: the sweep's YAML file.
        table: print the tables of what is finished, and run nothing.
        output: a new folder for compare.html, compare.md and compare.json of each corpus; null writes none.
    """
    from nlp_transfer.commands.run_comparison import write_comparison
    from nlp_transfer.commands.sweep_comparison import choices, compare_cells, difference_table
    from nlp_transfer.commands.sweep_runs import RESULTS, read_sweep, results_of, run_sweep
    from nlp_transfer.commands.sweep_tables import sweep_table
    from nlp_transfer.files import check_empty_folder
    from nlp_transfer.reporting.tables import console, to_rich

    place = None if output is None else check_empty_folder(output, "--output")
    plan = read_sweep(config)
    results = results_of(plan) if table else run_sweep(plan)
    console().print(to_rich(sweep_table(results, f"{config}: {plan.output_dir / RESULTS}")))
    compared = compare_cells(plan, results)
    if compared:
        console().print("", to_rich(difference_table(compared), longest_name=40), "")
        print("\n".join(choices(compared)))
    if place is not None:
        for corpus, one in compared.items():
            print(f"page     {write_comparison(one, place / corpus)['page']}")
