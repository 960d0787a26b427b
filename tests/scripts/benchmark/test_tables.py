"""The printed tables, against numbers by hand."""

from nlp_transfer.reporting.tables import PIPED_WIDTH, console, to_rich
from scripts.benchmark.cases import Case
from scripts.benchmark.results import Key
from scripts.benchmark.settings import Growth, Settings
from scripts.benchmark.tables import NOTES, case_table, growth_table, list_table, product_rates
from tests.scripts.benchmark.conftest import measurement

FULL = Case(
    "full", Settings("trainer", 10, 5, 5), {"methods": ["full_fine_tuning"], "training": {"num_train_epochs": 2}}
)


def test_two_rows_a_case_with_the_ratio_of_each_pair():
    found = {
        Key("full", "stock", 0, 0): measurement(seconds=8.0, macro_f1=0.5),
        Key("full", "ours", 0, 0): measurement(seconds=2.0, macro_f1=0.6, flops=None, precision="bf16", rate=16e9),
        Key("full", "stock", 1, 1): measurement(seconds=9.0, macro_f1=0.7),
        Key("full", "ours", 1, 1): measurement(seconds=3.0, macro_f1=0.6, flops=None, precision="bf16", rate=16e9),
        Key("full", "stock", 2, 0): measurement(seconds=10.0, macro_f1=0.5),
        Key("full", "ours", 2, 0): measurement(seconds=2.0, macro_f1=0.6, flops=None, precision="bf16", rate=16e9),
        Key("full", "ours", 0, 0, rows=8): measurement(seconds=1000.0),
    }
    table = case_table(found, [FULL, Case("other", FULL.settings, {})], "a machine")
    assert [list(row) for row in table.rows] == [
        ["full", "stock fp32", "9.00", "111", "6%", "3.00 (2.00)", "0.600 ± 0.141", ""],
        ["", "ours bf16", "2.00", "500", "12%", "3.00 (2.00)", "0.600 ± 0.000", "4.00 (3.00–5.00)"],
    ]


def test_a_session_that_is_not_at_its_end():
    table = case_table({Key("full", "stock", 0, 0): measurement()}, [FULL], "")
    assert [list(row) for row in table.rows] == [
        ["full", "stock fp32", "2.00", "500", "25%", "3.00 (2.00)", "0.500", ""]
    ]


def test_the_table_fits_into_a_pipe(capsys):
    name = "full_licenses"
    found = {
        Key(name, side, pair, pair): measurement(seconds=seconds, macro_f1=0.5 + pair / 10, tokens=24_000_000)
        for side, seconds in (("stock", 1234.56), ("ours", 43.21))
        for pair in (0, 1)
    }
    console().print(to_rich(case_table(found, [Case(name, FULL.settings, {})], "")))
    out = capsys.readouterr().out
    assert name in out and "28.6 (28.6–28.6)" in out and "0.550 ± 0.071" in out and "555,427" in out


def test_rates_are_the_medians_of_all_runs_of_one_process():
    runs = [("fp32", 9e9, 1), ("fp32", 1e9, 1), ("fp32", 8e9, 1), ("fp32", 2e9, 2), ("bf16", 5e9, 1)]
    found = {
        Key("full", "ours", number, 0, processes=processes): measurement(precision=precision, rate=rate)
        for number, (precision, rate, processes) in enumerate(runs)
    }
    assert product_rates(found) == {"fp32": 8e9, "bf16": 5e9}


def test_the_notes_fit_into_a_pipe():
    assert max(map(len, NOTES)) <= PIPED_WIDTH


def test_growth_is_told_against_the_first_row():
    growth = Growth("full", 8, [1, 2], [1, 2])
    found = {
        Key("full", "ours", 0, 0, 8): measurement(seconds=1.0, tokens=100),
        Key("full", "ours", 1, 0, 8): measurement(seconds=1.2, tokens=100),
        Key("full", "ours", 2, 0, 8): measurement(seconds=3.0, tokens=100),
        Key("full", "ours", 0, 0, 16): measurement(seconds=2.4, tokens=240),
        Key("full", "ours", 0, 0, 16, 2): measurement(seconds=1.5, tokens=240),
        Key("full", "ours", 0, 0): measurement(seconds=9.0),
    }
    assert [list(row) for row in growth_table(found, growth, "").rows] == [
        ["8", "1", "100", "1.20", "83", "1.00", "1.00"],
        ["16", "1", "240", "2.40", "100", "2.40", "2.00"],
        ["16", "2", "240", "1.50", "160", "2.40", "1.25"],
    ]


def test_the_list_of_cases():
    predict = Case("predict", Settings("pipeline", 1000, 5, 5, device="cuda"), {})
    assert [list(row) for row in list_table([FULL, predict], "").rows] == [
        ["full", "cpu", "full_fine_tuning", "trainer", "10", "2"],
        ["predict", "cuda", "prediction", "pipeline", "5", ""],
    ]


def test_exported_models_stand_below_ours_with_ratios_of_their_own():
    case = Case("many", Settings("pipeline", 10, 5, 5, onnx=True), {})
    seconds = {"stock": 8.0, "ours": 4.0, "onnx": 2.0, "onnx_int8": 1.0}
    found = {
        Key("many", side, 0, 0): measurement(seconds=value, flops=4_000_000_000 if side == "stock" else None)
        for side, value in seconds.items()
    }
    assert [(row[0], row[1], row[-1]) for row in case_table(found, [case], "").rows] == [
        ("many", "stock fp32", ""),
        ("", "ours fp32", "2.00 (2.00–2.00)"),
        ("", "onnx fp32", "4.00 (4.00–4.00)"),
        ("", "onnx int8", "8.00 (8.00–8.00)"),
    ]


def test_our_defaults_stand_below_what_is_compared_alike():
    case = Case("many", Settings("trainer", 10, 5, 5, defaults=True), {})
    found = {
        Key("many", "stock", 0, 0): measurement(seconds=8.0),
        Key("many", "ours", 0, 0): measurement(seconds=4.0, flops=None),
        Key("many", "defaults", 0, 0): measurement(seconds=2.0, flops=None, precision="bf16"),
    }
    assert [(row[0], row[1], row[-1]) for row in case_table(found, [case], "").rows] == [
        ("many", "stock fp32", ""),
        ("", "ours fp32", "2.00 (2.00–2.00)"),
        ("", "defaults bf16", "4.00 (4.00–4.00)"),
    ]
