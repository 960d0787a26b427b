"""Sweeps: every cell once, whatever interrupts them."""

import json
from pathlib import Path

import pytest

from nlp_transfer import TransferTrainer
from nlp_transfer.commands import main
from nlp_transfer.commands.sweep_comparison import compare_cells
from nlp_transfer.commands.sweep_runs import read_sweep, results_of, run_sweep
from nlp_transfer.config.parsing import read_yaml
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.reporting.config_record import to_yaml
from tests.logged import logged
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sweep_file(tmp_path):
    base = run_tree(tiny_encoder(tmp_path / "encoder"), tmp_path, tmp_path, num_train_epochs=1)
    del base["training"]["output_dir"], base["source"]
    tree = {
        "output_dir": str(tmp_path / "sweep"),
        "base": base,
        "corpora": {
            "plain": {"source": {"path": str(write_corpus(tmp_path / "plain"))}},
            "many": {"source": {"path": str(write_corpus(tmp_path / "many", multi_label=True))}},
        },
        "systems": {"full": {"methods": ["full_fine_tuning"]}, "stock": {"stock": True}},
        "seeds": [0, 1],
    }
    (tmp_path / "sweep.yaml").write_text(to_yaml(tree))
    return tmp_path / "sweep.yaml"


def test_every_cell_runs_once_and_an_interrupted_sweep_goes_on(sweep_file, monkeypatch):
    started = []
    train = TransferTrainer.train

    def interrupted(self, *args, **kwargs):
        if len(started) == 2:
            raise KeyboardInterrupt
        started.append(1)
        return train(self, *args, **kwargs)

    monkeypatch.setattr(TransferTrainer, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(read_sweep(sweep_file))
    results = sweep_file.parent / "sweep" / "results.jsonl"
    before = results.read_text()
    monkeypatch.setattr(TransferTrainer, "train", train)
    with logged() as said:
        found = run_sweep(read_sweep(sweep_file))
    assert results.read_text().startswith(before)
    assert sum("finished before" in line for line in said) == 4  # full and stock of both corpora, seed 0
    cells = {result.cell for result in found}
    expected = {
        (corpus, system, seed) for corpus in ("plain", "many") for system in ("full", "stock") for seed in (0, 1)
    }
    baselines = {(corpus, name, 0) for corpus in ("plain", "many") for name in ("majority", "tfidf_svm")}
    assert cells == expected | baselines
    assert len(results.read_text().splitlines()) == len(cells)
    assert not list((sweep_file.parent / "sweep" / "cells").glob("*/checkpoints"))


def test_a_finished_run_whose_line_is_missing_is_not_trained_again(sweep_file, monkeypatch):
    tree = read_yaml(sweep_file)
    sweep_file.write_text(to_yaml({**tree, "seeds": [1], "systems": {"full": tree["systems"]["full"]}}))
    run_sweep(read_sweep(sweep_file))
    results = sweep_file.parent / "sweep" / "results.jsonl"
    lines = {tuple(json.loads(line)[key] for key in ("corpus", "system", "seed")): line for line in results.open()}
    cell = ("plain", "full", 1)
    results.write_text("".join(line for key, line in lines.items() if key != cell))
    monkeypatch.setattr(TransferTrainer, "train", None)
    (again,) = [result for result in run_sweep(read_sweep(sweep_file)) if result.cell == cell]
    before = json.loads(lines[cell])
    assert (again.scores, again.details) == (before["scores"], before["details"])


def test_a_second_sweep_runs_nothing_and_prints_the_table(sweep_file, capsys, monkeypatch):
    assert main(["sweep", "--config", str(sweep_file)]) == 0
    table = capsys.readouterr().out
    assert "plain" in table
    assert "tfidf_svm" in table
    assert " ± " in table
    monkeypatch.setattr(TransferTrainer, "train", None)
    assert main(["sweep", "--config", str(sweep_file)]) == 0
    assert main(["sweep", "--config", str(sweep_file), "--table"]) == 0
    capsys.readouterr()

    tree = read_yaml(sweep_file)  # of what the sweep names no longer the table does not tell
    sweep_file.write_text(to_yaml({**tree, "seeds": [0], "systems": {"full": tree["systems"]["full"]}}))
    with logged() as said:
        cells = {result.cell for result in results_of(read_sweep(sweep_file))}
    corpora, systems = ("plain", "many"), ("full", "majority", "tfidf_svm")
    assert cells == {(corpus, system, 0) for corpus in corpora for system in systems}
    file = sweep_file.parent / "sweep" / "results.jsonl"
    assert said == [f"{file}: 6 results of cells that the sweep does not name, not counted."]
    assert main(["sweep", "--config", str(sweep_file), "--table"]) == 0
    assert " ± " not in capsys.readouterr().out


def test_problems_of_all_cells_are_reported_once_before_any_runs(sweep_file):
    text = sweep_file.read_text().replace("full_fine_tuning", "full_fine_tunning").replace("max_length", "max_lenght")
    sweep_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_sweep(sweep_file)
    assert len(caught.value.problems) == 2
    assert not (sweep_file.parent / "sweep").exists()


def test_a_sweep_file_without_its_parts(tmp_path):
    (tmp_path / "s.yaml").write_text("output_dir: x\nseed: [1]\nsystems: {}\n")
    with pytest.raises(ConfigError) as caught:
        read_sweep(tmp_path / "s.yaml")
    text = str(caught.value)
    assert "Unknown key 'seed'. Did you mean 'seeds'?" in text
    assert "corpora is None" in text
    assert "systems is {}" in text


def test_a_system_that_is_no_mapping(sweep_file):
    sweep_file.write_text(sweep_file.read_text().replace("    stock: true", "    true"))
    with pytest.raises(ConfigError, match=r"systems\.stock is True; expected keys of a configuration\."):
        read_sweep(sweep_file)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("classification", 3 * (3 * 2 + 1)),  # stock runs with one seed
        ("adaptation_methods", 2 * 10 * 2),
        ("adaptation_pairs", 12 * (3 * 3 + 3)),  # the source alone, adapt and their mean with three seeds
        ("adaptation_ceilings", 4 * 3),
        ("few_target_labels", 2 * 4 * 2),
        ("few_shots", 2 * 4 * 10),
        ("listed_to_unlisted", 6 * 2),
        ("task_adaptive_pretraining", 2 * 2 * 2),
    ],
)
def test_the_sweeps_of_the_repository_name_their_cells(monkeypatch, tmp_path, name, cells):
    file = ROOT / "configs" / "sweeps" / f"{name}.yaml"
    for corpus in read_yaml(file)["corpora"].values():  # neither data nor pretrained models are part of the project
        (tmp_path / corpus.get("model", "data")).mkdir(parents=True, exist_ok=True)
        for domain in ("source", "target"):
            path = tmp_path / corpus.get(domain, {}).get("path", "data")
            (path if not path.suffix else path.parent).mkdir(parents=True, exist_ok=True)
            if path.suffix:
                path.touch()
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(file)
    assert len(sweep.cells) == cells
    assert file.read_text().startswith(f"# python scripts/sweep.py --config configs/sweeps/{name}.yaml\n")
    assert str(sweep.output_dir) == f"runs/{name}"


def test_a_systems_values_win_over_its_corpus(monkeypatch, tmp_path):
    for name in ("science/scicite", "biomed/chemprot", "legal/licenses"):
        (tmp_path / "data" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    cells = read_sweep(ROOT / "configs" / "sweeps" / "classification.yaml").cells
    assert json.dumps(cells["licenses", "lora", 1]["training"]["learning_rate"]) == "0.001"


def test_a_system_may_run_with_some_of_the_seeds(sweep_file):
    text = sweep_file.read_text()
    assert "stock: true" in text
    sweep_file.write_text(text.replace("stock: true", "stock: true\n    seeds: [1]"))
    cells = read_sweep(sweep_file).cells
    assert [seed for _, system, seed in cells if system == "stock"] == [1, 1]
    assert [seed for _, system, seed in cells if system == "full"] == [0, 0, 1, 1]
    assert all("seeds" not in cell for cell in cells.values())


def test_a_seed_twice(sweep_file):
    tree = read_yaml(sweep_file)
    sweep_file.write_text(to_yaml({**tree, "seeds": [0, 1, 0]}))
    with pytest.raises(ConfigError) as caught:
        read_sweep(sweep_file)
    assert str(caught.value) == (
        f"{sweep_file}: seeds is [0, 1, 0]; expected each once, since the same seed is the same run."
    )


@pytest.mark.parametrize("seeds", ["[2]", "[]", "1"])
def test_seeds_of_a_system_that_the_sweep_does_not_have(sweep_file, seeds):
    sweep_file.write_text(sweep_file.read_text().replace("stock: true", f"stock: true\n    seeds: {seeds}"))
    with pytest.raises(ConfigError) as caught:
        read_sweep(sweep_file)
    assert "systems.stock.seeds is " in str(caught.value)
    assert "expected a list of some of the sweep's seeds, [0, 1]." in str(caught.value)


def test_a_finished_cell_counts_only_for_the_recipe_that_made_it(sweep_file):
    run_sweep(read_sweep(sweep_file))
    sweep_file.write_text(sweep_file.read_text().replace("learning_rate: 0.005", "learning_rate: 0.05"))
    with pytest.raises(CheckpointError, match=r"another configuration(.|\n)*training\.learning_rate: 0\.005 -> 0\.05"):
        run_sweep(read_sweep(sweep_file))


def test_each_seed_has_its_own_draw_of_few_shots(sweep_file):
    tree = read_yaml(sweep_file)
    tree["systems"] = {"frozen": {"methods": ["frozen_encoder"]}}
    tree["corpora"]["plain"]["source"]["shots"] = 4
    tree["corpora"]["many"]["source"] |= {"shots": 4, "draw": 7}
    sweep_file.write_text(to_yaml(tree))
    cells = read_sweep(sweep_file).cells
    assert [cells[corpus, "frozen", seed]["source"]["draw"] for corpus in ("plain", "many") for seed in (0, 1)] == [
        *(0, 1),
        *(7, 7),
    ]
    scored = {result.cell: result for result in run_sweep(read_sweep(sweep_file))}
    assert scored["plain", "frozen", 0].details["validation"] == {}
    assert scored["plain", "frozen", 0].scores != scored["plain", "frozen", 1].scores
    assert {seed for corpus, system, seed in scored if (corpus, system) == ("plain", "tfidf_svm")} == {0, 1}
    assert {seed for corpus, system, seed in scored if (corpus, system) == ("many", "tfidf_svm")} == {0}


def test_of_descriptions_alone_the_target_is_scored(sweep_file, tmp_path):
    tree = read_yaml(sweep_file)
    words = {"copyleft": "share alike source", "permissive": "any use", "public": "no rights"}
    target = {"path": str(tmp_path / "plain" / "test.jsonl")}
    tree["corpora"] = {"none": {"source": {"descriptions": words}, "target": target}}
    tree |= {"systems": {"nearest": {"methods": ["prototypes"]}}, "seeds": [0]}
    sweep_file.write_text(to_yaml(tree))
    with pytest.raises(
        ConfigError, match=r"source has descriptions alone, and no rows to score\. Set scored: target\."
    ):
        read_sweep(sweep_file)
    sweep_file.write_text(to_yaml({**tree, "scored": "target"}))
    run_sweep(read_sweep(sweep_file))
    found = {result.system for result in results_of(read_sweep(sweep_file))}
    assert found == {"nearest", "chance", "tfidf_svm"}


def test_a_ceiling_learns_from_the_targets_labels_and_is_scored_on_its_test_split(sweep_file):
    tree = read_yaml(sweep_file)
    target = write_corpus(sweep_file.parent / "target", sizes=(30, 9, 12))
    tree["corpora"] = {"plain": {**tree["corpora"]["plain"], "target": {"path": str(target)}}}
    tree["systems"] = {"ceiling": {"ceiling": True}, "coral": {"methods": ["full_fine_tuning", "coral"]}}
    tree["base"]["source_only_baseline"] = False
    sweep_file.write_text(to_yaml({**tree, "scored": "target", "seeds": [0]}))
    sweep = read_sweep(sweep_file)
    assert sweep.scored == {("plain", "ceiling", 0): "source", ("plain", "coral", 0): "target"}
    found = {result.system: result for result in run_sweep(sweep)}
    folder = sweep_file.parent / "sweep" / "cells" / "plain-ceiling-0"
    config = read_yaml(folder / "config.yaml")
    assert (config["source"]["path"], config.get("target")) == (str(target), None)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert found["ceiling"].scores["macro_f1"] == metrics["source"]["test"]["macro_f1"]
    assert set(found) == {"ceiling", "coral", "majority", "tfidf_svm"}  # baselines are those of the source
    assert run_sweep(sweep) == list(found.values())
    assert compare_cells(sweep, found.values()) == {}
