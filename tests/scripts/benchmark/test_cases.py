"""What a benchmark file says, and what is said of one that says it wrong."""

import dataclasses
from pathlib import Path

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.reporting.config_record import to_yaml
from scripts.benchmark.cases import case_of, check_configs, read_benchmark
from scripts.benchmark.settings import Growth, Settings

ROOT = Path(__file__).parents[3]


def problems(function, *arguments, **named):
    with pytest.raises(ConfigError) as caught:
        function(*arguments, **named)
    return caught.value.problems


def changed(file, tree, **parts):
    file.write_text(to_yaml({**tree, **parts}))
    return file


def test_a_case_is_the_base_under_its_own_keys(benchmark_file, tmp_path):
    plan = read_benchmark(benchmark_file)
    assert list(plan.cases) == ["full", "imported", "frozen", "top", "lora", "predict", "gpu"]
    lora = plan.cases["lora"]
    assert lora.settings == Settings("trainer+peft", rows=32, validation_rows=9, test_rows=12)
    config = lora.config(tmp_path / "out", seed=7, batch_share=3)
    assert config.methods[0].name == "lora" and config.methods[0].r == 2
    assert config.training.output_dir == str(tmp_path / "out")
    assert (config.training.seed, config.training.use_cpu) == (7, True)
    assert config.training.per_device_train_batch_size == 3  # 8 rows, shared by 3
    assert case_of(lora.record()) == lora
    assert plan.growth == (Growth("full", 8, [1, 2], [1, 2]),)


def test_growth_measures_the_most_rows_with_each_number_of_processes():
    assert Growth("full", 10).cells() == [(10, 1), (20, 1), (40, 1), (80, 1), (80, 2)]


def test_cases_are_chosen_by_name_and_device(benchmark_file):
    plan = read_benchmark(benchmark_file)
    assert [case.name for case in plan.select([], "cpu")] == ["full", "imported", "frozen", "top", "lora", "predict"]
    assert [case.name for case in plan.select([], "cuda")] == ["gpu"]
    assert [case.name for case in plan.select(["lora", "full"], "cpu")] == ["lora", "full"]
    assert problems(plan.select, ["loar", "gpu"], "cpu") == [
        "--only: Unknown case 'loar'. Did you mean 'lora'? Cases: full, imported, frozen, top, lora, predict, gpu.",
        "--only: gpu is a case for cuda, and this session measures on cpu. Give --device cuda, on a machine that has it.",
    ]
    one = dataclasses.replace(plan, cases={"full": plan.cases["full"]})
    assert problems(one.select, [], "cuda") == ["No case of the file is for cuda; --list shows what each is for."]


def test_growth_is_that_of_the_device(benchmark_file, monkeypatch):
    plan = read_benchmark(benchmark_file)
    assert plan.growth_on("cpu").case == "full"
    assert problems(plan.growth_on, "cuda") == [
        "--growth: the file's section growth names no case for cuda. Add {case: …, rows: …}."
    ]
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    many = dataclasses.replace(plan, growth=(Growth("gpu", 8, [1], [1, 2]),))
    assert problems(many.growth_on, "cuda") == [
        "growth: gpu wants 2 processes, one on each GPU, and there are 1 GPUs. Lower growth.processes."
    ]


def test_all_problems_of_a_file_are_told_together(benchmark_file, benchmark_tree):
    cases = {
        "full": {"stock": "trainr", "rows": "many"},
        "none": {"rows": 0},
        "own": {"training": {"seed": 3}},
        "text": "full",
    }
    growth = [{"case": "ful", "rows": 4}, {"case": "full", "rows": 0, "factors": []}]
    file = changed(benchmark_file, benchmark_tree, cases=cases, growth=growth, repeats=3)
    assert problems(read_benchmark, file) == [
        f"{file}: Unknown key 'repeats'. Keys: base, cases, growth.",
        "cases.full.rows is 'many'; expected int.",
        "cases.full.stock: Unknown value 'trainr'. Did you mean 'trainer'? Values: trainer, trainer+peft, pipeline.",
        "cases.none: rows is 0; expected at least 1.",
        "cases.own: training.seed is the session's; leave it out of the file.",
        "cases.text is 'full'; expected keys such as stock, rows, source.",
        "growth.1: rows is 0; expected at least 1.",
        "growth.1: factors is []; expected numbers of at least 1.",
        "growth.0.case: Unknown case 'ful'. Did you mean 'full'? Cases: full, none, own, text.",
    ]


@pytest.mark.parametrize("cases", [None, {}, ["full"]])
def test_a_file_without_cases(benchmark_file, benchmark_tree, cases):
    file = changed(benchmark_file, benchmark_tree, cases=cases)
    assert problems(read_benchmark, file) == [f"{file}: cases is {cases!r}; expected cases by name."]


def test_growth_that_is_no_list(benchmark_file, benchmark_tree):
    file = changed(benchmark_file, benchmark_tree, growth={"case": "full"})
    assert problems(read_benchmark, file) == [
        f"{file}: growth is {{'case': 'full'}}; expected a list, each with a case and rows."
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"methods": ["lora"]}, "stock is trainer, but lora stands beside trainer+peft."),
        (
            {"methods": ["full_fine_tuning"], "stock": "trainer+peft"},
            "stock is trainer+peft, but full_fine_tuning stands beside trainer.",
        ),
        (
            {"methods": ["lp_ft"]},
            "methods: lp_ft has no stock side here; compare full_fine_tuning, partial_fine_tuning, frozen_encoder, lora.",
        ),
        (
            {"methods": [{"name": "full_fine_tuning", "layer_decay": 0.9}]},
            "methods: full_fine_tuning.layer_decay is 0.9, which a stock run does not have; leave it out.",
        ),
        (
            {"training": {"max_steps": 3}},
            "training.max_steps is set; tokens are counted in epochs: set training.num_train_epochs.",
        ),
        (
            {"attention_dropout": 0.0},
            "attention_dropout is 0.0, and stock drops what the model's configuration says. Set it to null.",
        ),
        (
            {"source": {"path": "no/such/folder"}},
            f"source.path: there is no file or folder no/such/folder (from {Path.cwd()}).",
        ),
        ({"trainig": {}}, "Unknown key 'trainig'. Did you mean 'training'?"),
    ],
)
def test_a_case_that_cannot_be_compared(benchmark_file, benchmark_tree, case, expected):
    file = changed(benchmark_file, benchmark_tree, cases={"odd": case}, growth=[])
    found = problems(check_configs, read_benchmark(file).cases.values())
    assert [problem for problem in found if problem.startswith(f"cases.odd: {expected}")] == found


def test_the_projects_own_file_can_be_read():
    plan = read_benchmark(ROOT / "configs" / "benchmark.yaml")
    assert {case.settings.device for case in plan.cases.values()} == {"cpu", "cuda"}
    assert plan.growth_on("cpu").cells()[-1] == (512, 2)
    for case in plan.cases.values():
        tree = {**case.tree, "source": {"builtin": "licenses"}}  # the corpora are not part of the project
        dataclasses.replace(case, tree=tree, settings=dataclasses.replace(case.settings, device="cpu")).config("runs")
