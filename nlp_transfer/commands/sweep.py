"""The command of scripts/sweep.py."""

from nlp_transfer.config.command_ending import quiet_exit


def sweep(file: str, *, run: bool) -> int:
    """The command of scripts/sweep.py. Returns its exit status."""
    with quiet_exit() as status:
        from nlp_transfer.commands.sweep_runs import RESULTS, read_sweep, results_of, run_sweep
        from nlp_transfer.commands.sweep_tables import sweep_table
        from nlp_transfer.reporting.tables import console, to_rich

        plan = read_sweep(file)
        results = run_sweep(plan) if run else results_of(plan)
        console().print(to_rich(sweep_table(results, f"{file}: {plan.output_dir / RESULTS}")))
    return status.code
