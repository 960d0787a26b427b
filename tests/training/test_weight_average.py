"""The mean of an adapted model and its source-only baseline: by hand, in a run, refused."""

from importlib import import_module
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
from tests.logged import logged
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
        with pytest.raises(
            ConfigError, match=r"^average_with is the mean of all weights, and a model has an adapter\."
        ):
            average_with(*pair)
    model: Any = trainer.model
    for wrong, found in ((trainer, "the trainer itself"), (model, "a BertForSequenceClassification")):
        with pytest.raises(ConfigError, match=rf"^average_with was given {found}; expected the trainer of the source-"):
            average_with(trainer, wrong)
    for corrected in (trainer, other):
        corrected.prior_corrected = True
        with pytest.raises(ConfigError, match=r"^average_with comes before correct_prior"):
            average_with(trainer, other)
        corrected.prior_corrected = False


@pytest.mark.parametrize(
    "task", [{"max_length": 32}, {"long_documents": "windows", "max_length": 16}], ids=["texts", "windows"]
)
def test_a_run_saves_the_mean_of_both_models(encoder: Path, corpus: Path, tmp_path: Path, task: dict[str, Any]) -> None:
    target = write_corpus(tmp_path / "target", sizes=(30, 9, 12))

    def config(name: str, **own: Any) -> Any:
        tree = run_tree(encoder, corpus, tmp_path / name, num_train_epochs=2)
        return load_config(
            tree={**tree, "task": task, "target": {"path": str(target)}, "log_target_scores": True, **own}
        )

    by_default = config("mean")
    assert by_default.source_only_baseline == "average"
    assert f"is trained in {tmp_path / 'mean' / 'source_only'}, and the mean of both is saved." in dry_run(by_default)
    with logged() as lines:
        report = run(by_default)
    assert "The model is now the mean of the weights after adaptation and of the source-only model's." in lines
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
    assert finding(report, "Adaptation")["adapted is"] == "the mean of the weights after adaptation and of source-only"
    assert "adapted is" not in finding(adapted, "Adaptation")
    assert finding(report, "Checkpoints")["saved"] == "no checkpoint: the mean of the chosen one and of source-only"
    assert "saved" not in finding(adapted, "Checkpoints")
    assert report.baselines["source_only"]["target"]["test"]["rows"] == 12
    assert run(by_default, resume=True) == report


def test_the_mean_is_made_before_class_frequencies_are_corrected_and_without_validation(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, order = write_corpus(tmp_path / "source"), []
    for place in ("training.weight_average.calibrate", "training.weight_average._average", "runner.correct_prior"):
        module, _, name = f"nlp_transfer.{place}".rpartition(".")
        real = getattr(import_module(module), name)
        called = lambda *given, real=real, name=name: order.append(name) or real(*given)  # noqa: E731
        monkeypatch.setattr(f"{module}.{name}", called)
    tree = run_tree(encoder, source, tmp_path / "run", num_train_epochs=2) | {"target": {"path": str(source)}}
    run(load_config(tree={**tree, "prior_correction": True}))
    assert order == ["calibrate", "_average", "correct_prior"]
    order.clear()
    (source / "dev.jsonl").unlink()
    tree["source"] = {"path": str(source), "split": {"validation": 0}}
    tree["training"] = {"output_dir": str(tmp_path / "without"), "max_steps": 2, "use_cpu": True, "report_to": "none"}
    run(load_config(tree=tree))
    assert order == ["_average"]
