"""What is shown before anything is trained."""

from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.config.experiment import load_config
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


def test_all_is_checked_and_nothing_written(tmp_path):
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), write_corpus(tmp_path / "corpus"), tmp_path / "run")
    search = {"methods.mmd.weight": [0.1, 1.0]}
    tree |= {"target": {"path": str(write_corpus(tmp_path / "target"))}, "methods": ["full_fine_tuning", "mmd"]}
    lines = dry_run(load_config(tree={**tree, "search": search})).splitlines()
    assert lines[0] == "source:" and "target:" in lines
    start = lines.index("The first 10 encoded training examples:") + 1
    assert lines[start].startswith("  row0-0  ") and " tokens  " in lines[start]
    assert len([line for line in lines if line.startswith("  row0-")]) == 10
    assert lines[-6].endswith(" parameters. It has all that full_fine_tuning, mmd needs.")
    assert lines[-5:] == [
        f"Before it a run without mmd is trained in {tmp_path / 'run' / 'source_only'}.",
        "Candidates, of which the run chooses one:",
        "  methods.mmd.weight 0.1",
        "  methods.mmd.weight 1.0",
        f"Output folder: {tmp_path / 'run'} (empty). Nothing was trained.",
    ]
    assert not (tmp_path / "run").exists()
