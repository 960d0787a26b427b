"""A session: what is measured in which order, what goes on, and the command from end to end."""

import dataclasses
import json

import pytest

from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.reporting.config_record import to_yaml
from scripts.benchmark import session
from scripts.benchmark.cases import read_benchmark
from scripts.benchmark.command import benchmark
from scripts.benchmark.results import Key, Results
from scripts.benchmark.session import plan_measurements, run_session
from tests.scripts.benchmark.conftest import measurement


@pytest.fixture
def plan(benchmark_file):
    return read_benchmark(benchmark_file)


@pytest.fixture
def results(tmp_path, plan):
    return Results(tmp_path / "runs" / "out.json", plan.tree, {})


@pytest.fixture
def jobs(monkeypatch):
    """The jobs that processes were started for; none is."""
    done = []
    monkeypatch.setattr(session, "_in_a_process", lambda job: done.append(job) or measurement())
    return done


def test_stock_and_ours_alternate_and_seeds_go_round(plan):
    found = [key for key, _ in plan_measurements([plan.cases["full"]], 3, [5, 6])]
    assert found == [
        Key("full", "stock", 0, 5),
        Key("full", "ours", 0, 5),
        Key("full", "stock", 1, 6),
        Key("full", "ours", 1, 6),
        Key("full", "stock", 2, 5),
        Key("full", "ours", 2, 5),
    ]
    assert len(plan_measurements([plan.cases["full"], plan.cases["top"]], 1, [0, 1, 2])) == 2 * 3 * 2


def test_exported_models_take_their_turn(plan):
    case = dataclasses.replace(
        plan.cases["predict"], settings=dataclasses.replace(plan.cases["predict"].settings, onnx=True)
    )
    assert [key.side for key, _ in plan_measurements([case], 2, [0])] == ["stock", "ours", "onnx", "onnx_int8"] * 2


def test_growth_goes_through_all_sizes_and_begins_again(plan):
    found = [
        (key.pair, key.rows, key.processes)
        for key, _ in plan_measurements([plan.cases["full"]], 2, [0], plan.growth[0])
    ]
    assert found == [(0, 8, 1), (0, 16, 1), (0, 16, 2), (1, 8, 1), (1, 16, 1), (1, 16, 2)]


@pytest.mark.parametrize(
    ("repeats", "seeds", "expected"),
    [
        (0, [0], ["--repeats is 0; expected at least 1."]),
        (1, [3, 3], ["--seeds is [3, 3]; expected at least one, each once."]),
        (-1, [], ["--repeats is -1; expected at least 1.", "--seeds is []; expected at least one, each once."]),
    ],
)
def test_impossible_numbers(plan, repeats, seeds, expected):
    with pytest.raises(ConfigError) as caught:
        plan_measurements([plan.cases["full"]], repeats, seeds)
    assert caught.value.problems == expected


def test_what_is_measured_is_not_measured_again(plan, results, jobs):
    todo = plan_measurements([plan.cases["full"]], 1, [0])
    results.add(todo[0][0], measurement())
    said = []
    run_session(todo, results, said.append)
    assert [job.side for job in jobs] == ["ours"]
    assert said == [
        "[1/2] full · stock · pair 1 · seed 0: measured before",
        "[2/2] full · ours · pair 1 · seed 0: 2.00 s, 500 tokens/s",
    ]
    assert list(Results(results.path, plan.tree, {}).found) == [key for key, _ in todo]


def test_one_classifier_a_seed_is_made_for_prediction(plan, results, jobs):
    run_session(plan_measurements([plan.cases["predict"]], 3, [4, 5]), results, lambda _: None)
    assert [(job.side, job.seed) for job in jobs] == [
        ("classifier", 4),
        ("stock", 4),
        ("ours", 4),
        ("classifier", 5),
        ("stock", 5),
        ("ours", 5),
        ("stock", 4),
        ("ours", 4),
    ]
    assert jobs[1].classifier == jobs[2].classifier == f"{jobs[0].classifier}/model"
    assert jobs[3].classifier != jobs[0].classifier


def test_growth_is_not_scored(plan, results, jobs):
    said = []
    run_session(plan_measurements([plan.cases["full"]], 1, [0], plan.growth[0]), results, said.append)
    assert [(job.rows, job.processes, job.scored) for job in jobs] == [(8, 1, False), (16, 1, False), (16, 2, False)]
    assert said[-1] == "[3/3] full · ours · pair 1 · seed 0 · 16 rows · 2 processes: 2.00 s, 500 tokens/s"


def test_a_process_that_fails_is_quoted(benchmark_file, benchmark_tree, plan, results):
    benchmark_file.write_text(to_yaml({**benchmark_tree, "cases": {"full": {"rows": 1000}}, "growth": []}))
    case = read_benchmark(benchmark_file).cases["full"]
    with pytest.raises(TrainingError) as caught:
        run_session(plan_measurements([case], 1, [0]), results, lambda _: None)
    assert str(caught.value).startswith("full, stock: its process ended with status 2. It said last:\n")
    assert "train has 48 rows, and the case wants 1,000. Lower its rows." in str(caught.value)
    assert not results.found


@pytest.mark.slow
def test_the_command_measures_and_goes_on(benchmark_file, tmp_path, capsys):
    output = tmp_path / "runs" / "out.json"
    command = ["--config", str(benchmark_file), "--device", "cpu", "--output", str(output), "--repeats", "1"]
    assert benchmark([*command, "--only", "full"]) == 0
    first = capsys.readouterr().out
    assert first.count(" s, ") == 2 and "stock fp32" in first and "ours fp32" in first
    assert "seconds: median of the runs." in first
    assert benchmark([*command, "--only", "full"]) == 0
    assert capsys.readouterr().out.count("measured before") == 2
    lines = json.loads(output.read_text())["measurements"]
    assert [(line["case"], line["side"]) for line in lines] == [("full", "stock"), ("full", "ours")]
    assert all(0 < line["before_bytes"] <= line["peak_bytes"] for line in lines)


@pytest.mark.slow
def test_the_command_measures_growth_on_one_process_and_on_two(benchmark_file, tmp_path, capsys):
    output = tmp_path / "out.json"
    command = ["--config", str(benchmark_file), "--device", "cpu", "--output", str(output), "--repeats", "1"]
    assert benchmark([*command, "--growth"]) == 0
    lines = json.loads(output.read_text())["measurements"]
    assert [(line["rows"], line["processes"], line["macro_f1"]) for line in lines] == [
        (8, 1, None),
        (16, 1, None),
        (16, 2, None),
    ]
    assert lines[1]["tokens"] == lines[2]["tokens"] > lines[0]["tokens"]
    assert "seconds, × first" in capsys.readouterr().out


def test_the_command_refuses_and_lists(benchmark_file, capsys):
    assert benchmark(["--config", str(benchmark_file), "--device", "cpu", "--only", "fulll"]) == 2
    assert "ConfigError: --only: Unknown case 'fulll'. Did you mean 'full'?" in capsys.readouterr().err
    assert benchmark(["--config", str(benchmark_file), "--list"]) == 0
    assert "partial_fine_tuning" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        benchmark(["--config", str(benchmark_file), "--growth", "--only", "full"])
