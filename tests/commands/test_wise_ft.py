"""WiSE-FT: the line's ends are the run and its pretrained encoder, labels of the target choose nothing."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nlp_transfer import run
from nlp_transfer.commands import main
from nlp_transfer.commands.wise_ft import chosen_alpha, wise_ft
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.files.manifest import check_manifest, folder_fingerprint
from nlp_transfer.tasks import saved_models
from tests.tiny_documents import summary_tree, write_documents
from tests.tiny_finished_runs import finished_runs
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder; corpora and encoder beside it."""
    return finished_runs(tmp_path_factory.mktemp("wise"), (0,))[0]


def scores(metrics: dict) -> dict:
    return {(domain, split): one["macro_f1"] for domain, splits in metrics.items() for split, one in splits.items()}


def test_the_end_of_the_curve_is_the_run(finished: Path, tmp_path: Path) -> None:
    found = wise_ft(str(finished), str(tmp_path / "out"), alphas=[0, 0.5, 1])
    assert list(found.scored) == [0, 0.5, 1]
    own = json.loads((finished / "metrics.json").read_text())
    assert scores(found.scored[1].metrics) == pytest.approx(scores(own))
    assert set(scores(own)) == {("source", "validation"), ("source", "test"), ("target", "test")}
    curve = json.loads((tmp_path / "out" / "curve.json").read_text())
    assert (curve["chosen"], curve["chosen_by"]) == (found.chosen, "macro_f1")
    for point in curve["points"]:
        expected = found.scored[point["alpha"]].metrics
        assert point["macro_f1"] == expected["source"]["validation"]["macro_f1"]
        assert point["scores"]["target"]["test"]["accuracy"] == expected["target"]["test"]["accuracy"]
    assert json.loads(Path(found.paths["metrics"]).read_text()).keys() == own.keys()
    picture = Path(found.paths["picture"])
    assert picture == tmp_path / "out" / "curve.svg"
    assert f">chosen: {found.chosen:g}</text>" in picture.read_text()
    assert "![macro-F1 at each alpha](curve.svg)" in Path(found.paths["report"]).read_text()
    assert [row[0] for row in found.table.rows] == [f"{a:g}{' ←' * (a == found.chosen)}" for a in (0, 0.5, 1)]
    assert "| alpha | source validation macro-F1 |" in Path(found.paths["report"]).read_text()


def test_the_written_model_is_the_point_on_the_line(finished: Path, tmp_path: Path) -> None:
    found = wise_ft(str(finished), str(tmp_path / "out"), alphas=[0.25])
    check_manifest(Path(found.paths["model"]))
    merged = load_file(Path(found.paths["model"]) / "model.safetensors")
    trained = load_file(finished / "model" / "model.safetensors")
    pretrained = load_file(finished.parent / "encoder" / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    expected = 0.75 * pretrained[name].double() + 0.25 * trained[f"bert.{name}"].double()
    torch.testing.assert_close(merged[f"bert.{name}"], expected.float(), rtol=0, atol=0)
    assert merged["bert.pooler.dense.weight"].equal(trained["bert.pooler.dense.weight"])
    ratio = merged["classifier.weight"] / trained["classifier.weight"]  # calibrated again, by one temperature
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-4, atol=0)
    assert ratio[0, 0] > 0
    loaded = saved_models.load(tmp_path / "out")
    assert loaded.label_names == saved_models.load(finished).label_names
    assert loaded.max_length == 32
    record = json.loads((tmp_path / "out" / "model" / "config.json").read_text())["nlp_transfer"]["merged"]
    runs = [{"name": finished.name, "fingerprint": folder_fingerprint(finished / "model", "*.safetensors")}]
    assert record == {"method": "wise_ft", "alpha": 0.25, "chosen_by": "macro_f1", "runs": runs}


def test_labels_of_the_target_choose_nothing(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    file = finished.parent / "target" / "test.jsonl"
    before, record = file.read_text(), json.loads((folder / "run.json").read_text())
    first = wise_ft(str(folder), str(tmp_path / "a"), alphas=[0.2, 0.6, 1])
    try:
        lines = [json.loads(line) for line in before.splitlines()]
        for line in lines:
            line["label"] = "public"
        file.write_text("\n".join(map(json.dumps, lines)) + "\n")
        with pytest.raises(CheckpointError, match=r"run: its target corpus was .* Put its files back as they were\."):
            wise_ft(str(folder), str(tmp_path / "b"))
        record["inputs"].pop("target corpus")
        (folder / "run.json").write_text(json.dumps(record))
        second = wise_ft(str(folder), str(tmp_path / "c"), alphas=[0.2, 0.6, 1])
    finally:
        file.write_text(before)
    assert second.chosen == first.chosen
    assert scores(second.scored[1].metrics)["target", "test"] != scores(first.scored[1].metrics)["target", "test"]


@pytest.mark.parametrize("name", ["target_infomax", "target_entropy", "target_density"])
def test_a_score_without_labels_may_choose(finished: Path, tmp_path: Path, name: str) -> None:
    found = wise_ft(str(finished), str(tmp_path / "out"), alphas=[0, 1], choose_by=name)
    values = {alpha: one.value for alpha, one in found.scored.items()}
    best = min if name == "target_entropy" else max
    assert found.chosen == best(values, key=values.__getitem__)


def test_ties_go_to_the_middle() -> None:
    assert chosen_alpha({0.0: 0.5, 0.3: 0.9, 0.4: 0.9, 1.0: 0.9}) == 0.4
    assert chosen_alpha({0.4: 0.9, 0.6: 0.9}) == 0.6
    assert chosen_alpha({0.0: 0.1, 1.0: 0.2}) == 1.0


@pytest.mark.slow
def test_thresholds_are_tuned_anew(tmp_path: Path) -> None:
    (folder,) = finished_runs(tmp_path, (0,), multi_label=True)
    wise_ft(str(folder), alphas=[0.5])
    ours, runs = (saved_models.load(place).decision.threshold_by_label() for place in (folder / "wise_ft", folder))
    assert ours.keys() == runs.keys()
    assert ours != runs


@pytest.mark.slow
@pytest.mark.parametrize("methods", [[{"name": "lora", "r": 4}], ["lp_ft"]])
def test_other_methods_have_a_line_too(tmp_path: Path, methods: list) -> None:
    (folder,) = finished_runs(tmp_path, (0,), methods=methods)
    found = wise_ft(str(folder), alphas=[0, 1])
    own = json.loads((folder / "metrics.json").read_text())
    assert scores(found.scored[1].metrics) == pytest.approx(scores(own))


@pytest.mark.slow
def test_an_encoder_that_did_not_move(tmp_path: Path) -> None:
    (folder,) = finished_runs(tmp_path, (0,), methods=["frozen_encoder"])
    with pytest.raises(
        (CheckpointError, ConfigError), match=r"do not pair\. Expected a run that trained all|as it was"
    ):
        wise_ft(str(folder))


def test_the_command(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["wise_ft", str(finished), "--output", str(tmp_path / "out"), "--alphas", "0", "1"]
    assert main(["merge", *words]) == 0
    printed = capsys.readouterr().out
    assert "alpha 0: macro_f1 " in printed and f"model    {tmp_path / 'out' / 'model'}" in printed
    assert main(["merge", *words]) == BAD_INPUT  # what is there is not touched
    assert f"CheckpointError: --output {tmp_path / 'out'} is not empty: curve.json," in capsys.readouterr().err
    assert main(["merge", "wise_ft", str(finished), "--alphas", "2", "--choose_by", "target_f1"]) == BAD_INPUT
    message = capsys.readouterr().err
    assert "--alphas is [2.0]; expected numbers from 0 (pretrained) to 1 (fine-tuned)." in message
    assert "--choose_by: Unknown score 'target_f1'." in message


KILLED_WHILE_WRITING = """
import os, signal, sys
from nlp_transfer.commands import main, merged_models
merged_models.write_manifest = lambda _: os.kill(os.getpid(), signal.SIGKILL)
main(["merge", *sys.argv[1:]])
"""


def test_a_merge_that_was_killed_can_be_made_again(finished: Path, tmp_path: Path) -> None:
    words = ["wise_ft", str(finished), "--output", str(tmp_path / "out"), "--alphas", "0.5"]
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, *words], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    (rest,) = tmp_path.iterdir()
    assert (rest / "model" / "model.safetensors").is_file()
    assert main(["merge", *words]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert saved_models.load(tmp_path / "out").label_names == saved_models.load(finished).label_names
    assert (tmp_path / "out" / "report.md").read_text().startswith("# out\n")


@pytest.mark.slow
def test_an_extractive_summarizer_has_a_line_too(tmp_path: Path) -> None:
    corpus, encoder = write_documents(tmp_path / "documents"), tiny_encoder(tmp_path / "encoder")
    folder = tmp_path / "run"
    run(load_config(tree=summary_tree(encoder, corpus, folder, num_train_epochs=1)))
    found = wise_ft(str(folder), alphas=[0, 1])
    own = json.loads((folder / "metrics.json").read_text())
    for split in ("validation", "test"):
        assert found.scored[1].metrics["source"][split]["rouge1"] == pytest.approx(own["source"][split]["rouge1"])
    assert found.scored[found.chosen].value == found.scored[found.chosen].metrics["source"]["validation"]["rouge1"]
    assert found.table.columns[:3] == ["alpha", "ROUGE-1", "ROUGE-2"]
    record = json.loads((folder / "wise_ft" / "model" / "config.json").read_text())["nlp_transfer"]
    assert (record["merged"]["chosen_by"], record["task"]) == ("rouge1", "extractive_summarization")
    assert saved_models.load(folder / "wise_ft").state() == saved_models.load(folder).state()
    with pytest.raises(ConfigError, match=r"^--choose_by: Unknown score 'target_infomax'\. Scores: rouge1\.$"):
        wise_ft(str(folder), str(tmp_path / "out"), choose_by="target_infomax")


def test_a_model_without_logits_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, encoder = write_documents(tmp_path / "documents"), tiny_encoder(tmp_path / "encoder")
    tree = summary_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    tree["task"] = {"name": "abstractive_summarization", "max_length": 32, "max_summary_length": 8, "num_beams": 1}
    tree["training"].pop("metric_for_best_model", None)
    run(load_config(tree=tree))
    assert main(["merge", "wise_ft", str(tmp_path / "run")]) == BAD_INPUT
    assert capsys.readouterr().err.endswith(
        f"CheckpointError: {tmp_path / 'run' / 'model'} is a model of abstractive_summarization, which gives no logits "
        "of a whole text, so its weights cannot be merged.\n"
    )
