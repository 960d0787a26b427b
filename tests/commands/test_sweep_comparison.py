"""The systems of a sweep are compared as finished runs are."""

import json
import shutil

import pytest

from nlp_transfer.commands import main
from nlp_transfer.commands.run_comparison import ONE_SEED
from nlp_transfer.commands.sweep_comparison import choices, compare_cells, difference_table
from nlp_transfer.commands.sweep_runs import read_sweep, run_sweep
from nlp_transfer.config.parsing import read_yaml
from nlp_transfer.reporting.config_record import to_yaml
from tests.logged import logged
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a finished sweep's file: two systems and a stock one, with two seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    base = run_tree(tiny_encoder(folder / "encoder"), folder, folder, num_train_epochs=1)
    del base["training"]["output_dir"], base["source"]
    tree = {
        "output_dir": str(folder / "sweep"),
        "base": base,
        "corpora": {"plain": {"source": {"path": str(write_corpus(folder / "plain"))}}},
        "systems": {
            "full": {"methods": ["full_fine_tuning"]},
            "frozen": {"methods": ["frozen_encoder"], "seeds": [0]},
            "stock": {"stock": True, "seeds": [0]},
        },
        "seeds": [0, 1],
    }
    (folder / "sweep.yaml").write_text(to_yaml(tree))
    run_sweep(read_sweep(folder / "sweep.yaml"))
    return folder / "sweep.yaml"


def test_systems_are_compared_over_their_seeds(swept):
    compared = compare_cells(read_sweep(swept), run_sweep(read_sweep(swept)))
    assert list(compared) == ["plain"]
    assert {one.name: len(one.runs) for one in compared["plain"].systems} == {"full": 2, "frozen": 1}
    (row,) = difference_table(compared).rows
    (pair,) = compared["plain"].differences
    assert row[:3] == ["plain", f"{pair.second} - {pair.first}", f"{100 * pair.difference:+.1f}"]
    first, last = choices(compared)
    assert first.startswith(f"plain: By quality take {compared['plain'].systems[0].name} (its best run is ")
    assert last == ONE_SEED


def test_the_command_prints_the_pairs_and_writes_a_page(swept, capsys):
    pages = swept.parent / "compared"
    assert main(["sweep", "--config", str(swept), "--table", "--output", str(pages)]) == 0
    shown = capsys.readouterr().out
    assert "Paired differences in points of macro-F1" in shown
    assert "plain: By quality take " in shown
    assert f"page     {pages / 'plain' / 'compare.html'}" in shown
    assert {one["name"] for one in json.loads((pages / "plain" / "compare.json").read_text())["systems"]} == {
        "full",
        "frozen",
    }
    assert main(["sweep", "--config", str(swept), "--table", "--output", str(pages)]) == 2
    assert "--output" in capsys.readouterr().err


def test_cells_that_are_not_there_any_more_are_left_out(swept, tmp_path):
    tree = read_yaml(swept)
    shutil.copytree(swept.parent / "sweep", tmp_path / "sweep")
    plan = read_sweep(swept)
    moved = {
        cell: json.loads(json.dumps(own).replace(tree["output_dir"], str(tmp_path / "sweep")))
        for cell, own in plan.cells.items()
    }
    shutil.rmtree(tmp_path / "sweep" / "cells" / "plain-frozen-0")
    results = run_sweep(plan)
    plan.cells.update(moved)
    with logged() as lines:
        assert compare_cells(plan, results) == {}
    folder = tmp_path / "sweep" / "cells" / "plain-frozen-0"
    assert lines == [f"{folder} has no predictions any more; it is left out of the comparison."]


def test_systems_are_compared_by_the_draws_that_all_have(swept):
    plan = read_sweep(swept)
    results = run_sweep(plan)
    cells = {}
    for cell, tree in plan.cells.items():
        source = {**tree["source"], "shots": 4, "draw": cell[2]}
        cells[cell] = {**tree, "source": source}
    plan.cells.update(cells)
    with logged() as lines:
        compared = compare_cells(plan, results)["plain"]
    assert {one.name: len(one.runs) for one in compared.systems} == {"full": 1, "frozen": 1}
    assert lines == ["Compared are the draws that all systems have: 0."]
