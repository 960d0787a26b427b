"""The command `python -m scripts.benchmark`: its options, and what it prints."""

import argparse
import sys
from collections.abc import Sequence

from nlp_transfer.config.command_ending import quiet_exit


def benchmark(arguments: Sequence[str] | None = None, description: str = "") -> int:
    """Measure, print the table, and return the exit status.

    Args:
        arguments: the command line; None is this process's.
        description: what `--help` begins with.
    """
    with quiet_exit() as status:
        options = _parser(description).parse_args(sys.argv[1:] if arguments is None else arguments)
        from nlp_transfer.reporting.tables import console, to_rich
        from nlp_transfer.tasks.backends import choose_device
        from scripts.benchmark.cases import check_configs, read_benchmark
        from scripts.benchmark.machine import environment
        from scripts.benchmark.results import Results
        from scripts.benchmark.session import plan_measurements, run_session
        from scripts.benchmark.settings import DeviceType
        from scripts.benchmark.tables import NOTES, case_table, growth_table, list_table

        plan = read_benchmark(options.config)
        if options.list:
            console().print(to_rich(list_table(plan.cases.values(), options.config)))
            return status.code
        device = choose_device(options.device)
        kind: DeviceType = "cuda" if device.type == "cuda" else "cpu"
        growth = plan.growth_on(kind) if options.growth else None
        cases = plan.select(options.only, kind) if growth is None else [plan.cases[growth.case]]
        measured = plan_measurements(cases, options.repeats, options.seeds, growth)
        check_configs(cases)
        output = options.output or f"runs/benchmark-{kind}.json"
        results = Results(output, plan.tree, environment(device))
        run_session(measured, results, say=lambda text: print(text, flush=True))
        where = f"{results.environment['device_name']}, {results.environment['cores']} cores: {output}"
        if growth is not None:
            console().print(to_rich(growth_table(results.found, growth, f"{growth.case}, ours; {where}")))
        else:
            console().print(to_rich(case_table(results.found, cases, where)))
            print("\n".join(NOTES))
    return status.code


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the benchmark's YAML file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the file's cases, and measure nothing")
    what.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these cases (default: all)")
    what.add_argument("--growth", action="store_true", help="measure how our cost grows with tokens and with processes")
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda"), help="whose cases; default: a GPU's, if any"
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="pairs of runs a case (default: 3)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], metavar="N", help="training seeds, pair after pair (default: 0)"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="all measurements as JSON (default: runs/benchmark-DEVICE.json)"
    )
    return parser
