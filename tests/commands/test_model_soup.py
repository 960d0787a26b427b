"""Soups: means of runs that belong together, scored beside their ingredients; others are refused with what differs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nlp_transfer.commands import main
from nlp_transfer.commands.merged_models import ScoredWeights, WeightScorer
from nlp_transfer.commands.model_soup import GREEDY, UNIFORM, greedy_ingredients, soup
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.files.manifest import check_manifest, folder_fingerprint
from nlp_transfer.tasks import saved_models
from tests.logged import logged
from tests.tiny_finished_runs import finished_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of one recipe. Do not write to them."""
    return finished_runs(tmp_path_factory.mktemp("soups"))


def names(runs: list[Path]) -> list[str]:
    return [str(run) for run in runs]


def test_a_uniform_soup_is_the_mean(runs: list[Path], tmp_path: Path) -> None:
    with logged() as said:
        found = soup(names(runs), str(tmp_path / "soup"))
    assert found.chosen == tuple(names(runs))
    one, other = (load_file(run / "model" / "model.safetensors") for run in runs)
    mean = load_file(tmp_path / "soup" / "model" / "model.safetensors")
    name, head = "bert.encoder.layer.0.output.dense.weight", "classifier.weight"
    torch.testing.assert_close(mean[name], ((one[name].double() + other[name].double()) / 2).float())
    ratio = mean[head] / ((one[head] + other[head]) / 2)  # calibrated again, by one temperature
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-3, atol=0)
    check_manifest(tmp_path / "soup" / "model")
    assert saved_models.load(tmp_path / "soup").label_names == saved_models.load(runs[0]).label_names
    assert list(found.scored) == [*names(runs), UNIFORM, GREEDY]
    for run in runs:
        own = json.loads((run / "metrics.json").read_text())
        scored = found.scored[str(run)].metrics
        assert scored["target"]["test"]["macro_f1"] == pytest.approx(own["target"]["test"]["macro_f1"])
    written = json.loads((tmp_path / "soup" / "metrics.json").read_text())
    assert written["source"]["test"]["macro_f1"] == found.scored[UNIFORM].metrics["source"]["test"]["macro_f1"]
    assert [row[0] for row in found.table.rows] == [*names(runs), f"{UNIFORM} ←", GREEDY]
    assert said[2].startswith("uniform soup: macro-F1 0.")
    record = json.loads((tmp_path / "soup" / "model" / "config.json").read_text())["nlp_transfer"]["merged"]
    assert record == {
        "method": UNIFORM,
        "runs": [{"name": run.name, "fingerprint": folder_fingerprint(run / "model", "*.safetensors")} for run in runs],
    }


def test_a_greedy_soup_is_at_least_as_good_as_its_best(runs: list[Path], tmp_path: Path) -> None:
    found = soup(names(runs), str(tmp_path / "soup"), greedy=True)
    assert found.scored[GREEDY].value >= max(found.scored[name].value for name in names(runs))
    assert set(found.chosen) <= set(names(runs))


def test_what_is_only_tried_is_scored_on_what_decides(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = WeightScorer.score, []

    def score(scorer: WeightScorer, weights: dict[str, torch.Tensor], *, reported: bool = True) -> ScoredWeights:
        found = real(scorer, weights, reported=reported)
        asked.append({domain: sorted(splits) for domain, splits in found.metrics.items()})
        return found

    monkeypatch.setattr(WeightScorer, "score", score)
    again = shutil.copytree(runs[0], tmp_path / "again")
    found = soup([*names(runs), str(again)], str(tmp_path / "soup"))
    assert asked[:4] == [{"source": ["test", "validation"], "target": ["test"]}] * 4  # the runs, and the uniform soup
    assert asked[4] == {"source": ["validation"]}
    assert set(found.scored[GREEDY].metrics) == {"source", "target"}


def test_what_the_scores_say_against_a_soup(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_most(most: float) -> None:
        real = WeightScorer.score
        soups = [load_file(run / "model" / "model.safetensors")["classifier.bias"] for run in runs]

        def score(scorer: WeightScorer, weights: dict[str, torch.Tensor], **options: bool) -> ScoredWeights:
            found = real(scorer, weights, **options)
            of_a_run = any(torch.equal(weights["classifier.bias"].cpu(), bias) for bias in soups)
            return found if of_a_run else replace(found, value=most)

        monkeypatch.setattr(WeightScorer, "score", score)

    at_most(0.1)
    with logged() as said:
        found = soup(names(runs), str(tmp_path / "uniform"))
    best = max(names(runs), key=lambda name: found.scored[name].value)
    warning = (
        "Warning: the uniform soup scores below every run that is in it (macro-F1 0.1000 on source validation; "
        f"{best} has {found.scored[best].value:.4f}): their weights do not go together. Take a run, or --greedy."
    )
    assert said[-1] == warning
    assert warning in (tmp_path / "uniform" / "report.md").read_text()
    with logged() as said:
        alone = soup(names(runs), str(tmp_path / "greedy"), greedy=True)
    assert alone.chosen == (best,)
    assert said[-1] == f"The greedy soup is {best} alone: no other run made it better."


def test_which_go_into_a_greedy_soup() -> None:
    scores = {("a",): 0.8, ("a", "b"): 0.7, ("a", "c"): 0.8, ("a", "c", "d"): 0.9}
    assert greedy_ingredients(["a", "b", "c", "d"], scores.__getitem__) == ("a", "c", "d")  # b lowers it, c does not


def test_all_that_differs_is_told(runs: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs[1], tmp_path / "other"))
    record = json.loads((other / "run.json").read_text())
    record["inputs"] |= {"model": "0" * 64, "source corpus": "1" * 64, "target corpus": "2" * 64}
    record["config"]["task"]["max_length"] = 31
    (other / "run.json").write_text(json.dumps(record))
    tree = json.loads((other / "model" / "config.json").read_text())
    tree["id2label"]["0"], tree["id2label"]["1"] = tree["id2label"]["1"], tree["id2label"]["0"]
    (other / "model" / "config.json").write_text(json.dumps(tree))
    (other / "model" / "manifest.json").unlink()
    with pytest.raises(CheckpointError) as caught:
        soup([str(runs[0]), str(other)], str(tmp_path / "soup"))
    start = f"{other} does not go with {runs[0]}: its "
    found = [problem.removeprefix(start).split(" (")[0] for problem in caught.value.problems]
    assert found == [
        "base model differs",
        "labels differ",
        "task differs",
        "source corpus differs",
        "target corpus differs",
        "A soup is of runs of one base model, task, corpus, labels and target; seeds and settings may differ.",
    ]
    assert f"labels differ ({', '.join(tree['id2label'].values())} and " in caught.value.problems[1]
    assert not (tmp_path / "soup").exists()


def test_fewer_than_two_runs(runs: list[Path]) -> None:
    for given in ([str(runs[0])], [str(runs[0])] * 2):
        with pytest.raises(ConfigError) as caught:
            soup(given, "out")
        assert str(caught.value) == f"A soup needs at least two runs, each once; got {', '.join(given)}."


def test_the_command(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", "soup", *names(runs), "--output", str(tmp_path / "soup"), "--greedy"]) == 0
    printed = capsys.readouterr().out
    assert "greedy soup of " in printed and f"report   {tmp_path / 'soup' / 'report.md'}" in printed
    assert main(["merge", "soup", *names(runs), "--output", str(tmp_path / "soup")]) == BAD_INPUT
    assert "is not empty: metrics.json, model, report.md, runs. Nothing in it is touched" in capsys.readouterr().err
    assert main(["merge", "soup", *names(runs)]) == BAD_INPUT
    assert "--output is missing. Expected: merge soup RUN RUN" in capsys.readouterr().err
