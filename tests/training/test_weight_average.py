"""The mean of an adapted model and its source-only baseline: by hand, in a run, refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nlp_transfer import average_with, run, train_source_only
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN, LoRA
from nlp_transfer.training.weight_average import check_whole_weights
from tests.reporting.sections.reports import finding
from tests.tiny_models import tiny_model
from tests.tiny_recipes import TARGET, arguments, by_hand, make_trainer
from tests.tiny_runs import run_tree, write_corpus


def test_each_weight_is_the_mean_of_two(tmp_path: Path) -> None:
    adapted = by_hand(tmp_path / "run", [DANN(weight=0.1)])
    source_only = train_source_only(
        make_trainer, args=arguments(tmp_path / "run"), methods=[DANN(weight=0.1)], target_dataset=TARGET
    )
    own, theirs = (
        {name: one.clone() for name, one in side.model.state_dict().items()} for side in (adapted, source_only)
    )
    average_with(adapted, source_only)
    assert any(not torch.equal(own[name], theirs[name]) for name in own)
    for name, weight in adapted.model.state_dict().items():
        assert torch.allclose(weight, (own[name] + theirs[name]) / 2, atol=1e-7), name
    for name, weight in source_only.model.state_dict().items():
        assert torch.equal(weight, theirs[name])


def test_what_has_no_mean_is_refused(tmp_path: Path) -> None:
    trainer = make_trainer(args=arguments(tmp_path, metric_for_best_model="loss"))
    other = make_trainer(args=trainer.args, model_init=lambda: tiny_model("bert", num_labels=5))
    with pytest.raises(
        ConfigError, match=r"^The source-only model has another network: classifier\.weight, .*bias differ"
    ):
        average_with(trainer, other)
    adapter = make_trainer(args=trainer.args, methods=[LoRA(r=2)])
    for pair in ((adapter, trainer), (trainer, adapter)):
        with pytest.raises(ConfigError, match=r"is of all weights, which an adapter changes\. Train all weights"):
            average_with(*pair)
    trainer.prior_corrected = True
    with pytest.raises(ConfigError, match=r"^average_with comes before correct_prior"):
        average_with(trainer, other)


@pytest.mark.parametrize("how", ["is_fsdp_enabled", "is_deepspeed_enabled"])
def test_weights_in_parts_are_refused_before_training(tmp_path: Path, how: str) -> None:
    trainer = make_trainer(args=arguments(tmp_path, metric_for_best_model="loss"))
    check_whole_weights(trainer)
    setattr(trainer, how, True)
    with pytest.raises(ConfigError, match=r"FSDP and DeepSpeed spread over processes\. .* source_only_baseline: true"):
        check_whole_weights(trainer)


@pytest.mark.parametrize(
    "task", [{"max_length": 32}, {"long_documents": "windows", "max_length": 16}], ids=["texts", "windows"]
)
def test_a_run_saves_the_mean_of_both_models(encoder: Path, corpus: Path, tmp_path: Path, task: dict[str, Any]) -> None:
    target = write_corpus(tmp_path / "target", sizes=(30, 9, 12))

    def config(name: str, **own: Any) -> Any:
        tree = run_tree(encoder, corpus, tmp_path / name, num_train_epochs=2)
        return load_config(tree={**tree, "task": task, "target": {"path": str(target)}, **own})

    by_default = config("mean")
    assert by_default.source_only_baseline == "average"
    assert f"is trained in {tmp_path / 'mean' / 'source_only'}, and the mean of both is saved." in dry_run(by_default)
    report = run(by_default)
    adapted = run(config("adapted", methods=["full_fine_tuning", "adapt"]))
    assert report is not None and adapted is not None
    folders = (tmp_path / "mean", tmp_path / "mean" / "source_only", tmp_path / "adapted")
    mean, source_only, own = (load_file(folder / "model" / "model.safetensors") for folder in folders)
    halfway = {name: (weight + source_only[name]) / 2 for name, weight in own.items()}
    for one in (mean, halfway):  # the last layer is calibrated once more
        one |= {name: weight / weight.norm() for name, weight in one.items() if name.startswith("classifier")}
    for name, weight in mean.items():
        assert torch.allclose(weight, halfway[name], atol=1e-6), name
    assert any(not torch.equal(own[name], source_only[name]) for name in own)
    fact = "its weights are the mean of those after adaptation and of source-only"
    assert finding(report, "Adaptation")["the model that adapted"] == fact
    assert "the model that adapted" not in finding(adapted, "Adaptation")
    assert report.baselines["source_only"]["target"]["test"]["rows"] == 12
    assert run(by_default, resume=True) == report
