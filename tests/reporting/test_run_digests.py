"""The results of a finished run are those that it wrote."""

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.reporting.run_digests import check_results
from nlp_transfer.reporting.run_folder import inspect, open_run_folder

CONFIG = {"model": "encoder", "training": {"seed": 0, "output_dir": "runs/a"}}

DAMAGES = [b"", b"{", b"[]", b"null", b"{}", b'{"source": {"test": {"macro_f1": NaN}}}', b'{"source": {}}', b"\xff\x00"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["metrics.json", "report.json", "predictions.jsonl.gz"])
def test_results_are_those_of_the_run(tmp_path, name, damage):
    path = tmp_path / "run"
    folder = open_run_folder(path, CONFIG, resume=False)
    for number, one in enumerate(("metrics.json", "report.json", "predictions.jsonl.gz")):
        (path / one).write_text(f'{{"source": {{"test": {{"macro_f1": 0.{number}}}}}}}')
    folder.finish()
    check_results(path, inspect(path).record, complete=True)
    (path / name).write_bytes(damage)
    with pytest.raises(CheckpointError) as caught:
        check_results(path, inspect(path).record, complete=True)
    assert str(caught.value) == (
        f"{path / name} was changed after the run had finished. Put the files back as they were, or delete {path} and "
        "make the run again."
    )


def test_results_that_are_gone_or_swapped(tmp_path):
    path = tmp_path / "run"
    folder = open_run_folder(path, CONFIG, resume=False)
    (path / "metrics.json").write_text('{"source": {}}')
    (path / "report.json").write_text("{}")
    folder.finish()
    (path / "report.json").rename(path / "metrics.json")
    check = inspect(path)
    with pytest.raises(
        CheckpointError, match=r"2 problems:\n.*metrics\.json was changed .*\n.*report\.json cannot be read"
    ):
        check_results(path, check.record, complete=True)
    with pytest.raises(CheckpointError, match=r"metrics\.json was changed after the run had finished"):
        check_results(path, check.record, complete=False)
