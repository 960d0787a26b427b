"""The command that runs a sweep."""

import json

from nlp_transfer.commands import sweep_runs
from nlp_transfer.commands.sweep import sweep
from nlp_transfer.commands.sweep_tables import CellResult, append_result


def test_finished_cells_are_tabulated_and_nothing_runs(tmp_path, monkeypatch, capsys):
    plan = sweep_runs.Sweep(tmp_path, {("a", "lora", 0): {}}, {("a", "lora", 0): "source"})
    monkeypatch.setattr(sweep_runs, "read_sweep", lambda file: plan)
    monkeypatch.setattr(sweep_runs, "run_sweep", lambda plan: 1 / 0)
    result = CellResult("a", "lora", 0, {"accuracy": 0.5}, 2.0, {"config": {}})
    append_result(tmp_path / sweep_runs.RESULTS, result)
    assert json.loads((tmp_path / sweep_runs.RESULTS).read_text())["system"] == "lora"
    sweep(config="s.yaml", table=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("s.yaml:")
    assert lines[-1].split() == ["a", "lora", "0.500", "1", "2.0"]
