"""The tables of a benchmark: stock and ours of each case, growth, and the list of cases."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from nlp_transfer.metrics.bootstrap import mean_and_deviation
from nlp_transfer.metrics.metric import number
from nlp_transfer.tasks.blocks import Table
from scripts.benchmark.cases import Case
from scripts.benchmark.measuring import Measurement
from scripts.benchmark.results import Key
from scripts.benchmark.settings import Growth, Precision, Side

Found = Mapping[Key, Measurement]

NOTES = (
    "seconds: median of the runs. tokens/s: real tokens, padding not counted. matmul: share of the rate",
    "of a large matrix product in that precision, measured after each run (their median). Both sides are",
    "credited with the tokens and operations of the stock run: what ours need not do again counts as",
    "speed, and may pass 100 %. GiB: peak, and in brackets the part above the loaded model. macro-F1:",
    "mean ± standard deviation over seeds. ratio: stock seconds / ours, median of pairs (least–most).",
    "stock and ours: same precision and dropout. defaults: ours, precision auto, no attention dropout.",
    "onnx: ours, exported; beside int8 stands the rate of fp32.",
)
"""The meaning of the columns of `case_table`."""


def case_table(found: Found, cases: Iterable[Case], title: str) -> Table:
    """Return a row for each side of a case, stock first; cases without measurements are left out.

    Args:
        found: the measurements.
        cases: in the order to show.
        title: the table's.
    """
    rows, rules = [], set()
    rates = product_rates(found)
    for case in cases:
        sides: dict[Side, dict[tuple[int, int], Measurement]] = {side: {} for side in case.settings.sides}
        for key, one in found.items():
            if key.case == case.name and key.rows is None and key.side in sides:
                sides[key.side][key.pair, key.seed] = one
        for side, ones in sides.items():
            if ones:
                ratio = "" if side == "stock" else ratio_text(sides["stock"], ones)
                name = case.name if side == "stock" or not sides["stock"] else ""
                rows.append([name, _side(side, ones), *_cells(ones, sides["stock"], rates), ratio])
        if rows:
            rules.add(len(rows) - 1)
    columns = ["case", "side", "seconds", "tokens/s", "matmul", "GiB", "macro-F1", "ratio"]
    return Table(title, columns, rows, names=2, rules=frozenset(rules))


def product_rates(found: Found) -> dict[Precision, float]:
    """Return the rate of matrix products by precision: the median over runs of one process.

    One alone would not do: a neighbour on the machine may halve it for the second that it takes.
    """
    by_precision: dict[Precision, list[float]] = {}
    for key, one in found.items():
        if key.processes == 1:
            by_precision.setdefault(one.precision, []).append(one.rate)
    return {precision: statistics.median(rates) for precision, rates in by_precision.items()}


def ratios(stock: Mapping[tuple[int, int], Measurement], ours: Mapping[tuple[int, int], Measurement]) -> list[float]:
    """Return stock seconds over ours for each complete pair."""
    return [stock[pair].seconds / one.seconds for pair, one in ours.items() if pair in stock]


def ratio_text(stock: Mapping[tuple[int, int], Measurement], ours: Mapping[tuple[int, int], Measurement]) -> str:
    """Return the median ratio with the least and the most."""
    values = ratios(stock, ours)
    if not values:
        return ""
    return f"{_short(statistics.median(values))} ({_short(min(values))}–{_short(max(values))})"


def _short(value: float) -> str:
    """Return a ratio with about three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _side(side: Side, ones: Mapping[tuple[int, int], Measurement]) -> str:
    """Return the side and the precision of its matrix products."""
    if side == "defaults":
        return f"defaults {next(iter(ones.values())).precision}"
    return "onnx int8" if side == "onnx_int8" else f"{side} {next(iter(ones.values())).precision}"


def _cells(
    ones: Mapping[tuple[int, int], Measurement],
    stock: Mapping[tuple[int, int], Measurement],
    rates: Mapping[Precision, float],
) -> tuple[str, str, str, str, str]:
    """Return seconds, tokens a second, share of the matrix-product rate, memory and score."""
    measured = list(ones.values())
    needed = {pair: one.flops for pair, one in stock.items() if one.flops}
    achieved = [needed[pair] / one.seconds / rates[one.precision] for pair, one in ones.items() if pair in needed]
    peak = statistics.median(one.peak_bytes for one in measured)
    above = statistics.median(one.peak_bytes - one.before_bytes for one in measured)
    return (
        f"{statistics.median(one.seconds for one in measured):,.2f}",
        f"{statistics.median(one.tokens / one.seconds for one in measured):,.0f}",
        f"{statistics.median(achieved):.0%}" if achieved else "",
        f"{peak / 2**30:.2f} ({above / 2**30:.2f})",
        _score({seed: one.macro_f1 for (_, seed), one in ones.items() if one.macro_f1 is not None}),
    )


def _score(by_seed: Mapping[int, float]) -> str:
    """Return mean and standard deviation over seeds; a seed that was run again counts once."""
    if not by_seed:
        return ""
    mean, deviation, _ = mean_and_deviation(list(by_seed.values()))
    return number(mean) if deviation is None else f"{number(mean)} ± {number(deviation)}"


def growth_table(found: Found, growth: Growth, title: str) -> Table:
    """Return a row for each size and number of processes.

    Args:
        found: the measurements.
        growth: what was measured.
        title: the table's.
    """
    rows: list[list[str]] = []
    cells = {
        cell: [one for key, one in found.items() if key.case == growth.case and (key.rows, key.processes) == cell]
        for cell in growth.cells()
    }
    first = next((ones for ones in cells.values() if ones), [])
    for (count, processes), ones in cells.items():
        if ones:
            seconds, tokens = _median_seconds(ones), ones[0].tokens
            rows.append(
                [
                    f"{count:,}",
                    str(processes),
                    f"{tokens:,}",
                    f"{seconds:,.2f}",
                    f"{tokens / seconds:,.0f}",
                    f"{tokens / first[0].tokens:.2f}",
                    f"{seconds / _median_seconds(first):.2f}",
                ]
            )
    columns = ["rows", "processes", "tokens", "seconds", "tokens/s", "tokens, × first", "seconds, × first"]
    return Table(title, columns, rows, names=0)


def _median_seconds(ones: Sequence[Measurement]) -> float:
    return statistics.median(one.seconds for one in ones)


def list_table(cases: Iterable[Case], title: str) -> Table:
    """Return a row for each case: device, method, stock side, rows and epochs.

    Args:
        cases: in the order to show.
        title: the table's.
    """
    rows = []
    for case in cases:
        methods = case.tree.get("methods") or ["full_fine_tuning"]
        names = [one["name"] if isinstance(one, dict) else str(one) for one in methods]
        training, predicts = case.tree.get("training") or {}, case.settings.stock == "pipeline"
        rows.append(
            [
                case.name,
                case.settings.device,
                "prediction" if predicts else ", ".join(names),
                case.settings.stock,
                f"{case.settings.test_rows if predicts else case.settings.rows:,}",
                "" if predicts else str(training.get("num_train_epochs", "")),
            ]
        )
    return Table(title, ["case", "device", "ours", "stock", "rows", "epochs"], rows, names=4)
