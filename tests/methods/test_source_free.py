"""Source-free adaptation: its loss by hand, whose class frequencies it keeps, and what it leaves alone."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CORAL, FullFineTuning, LoRA, SourceFree
from nlp_transfer.methods.alignment import Features
from nlp_transfer.methods.source_free import information_terms, prototype_labels
from tests.methods.adapting import term_of, two_sides
from tests.tiny_models import collate_with_labels_or_without, random_rows, tiny_model

TARGET = without_labels(random_rows(14, seed=9))


def trainer(folder: Path, model: Any = None, **given: Any) -> TransferTrainer:
    methods = given.pop("methods", [FullFineTuning(), SourceFree()])
    values: dict[str, Any] = {"target_dataset": TARGET} | {
        name: given.pop(name) for name in ("train_dataset", "target_dataset") if name in given
    }
    arguments: dict[str, Any] = {
        "output_dir": str(folder / "run"),
        "use_cpu": True,
        "per_device_train_batch_size": 7,
        "num_train_epochs": 3,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 5,
    }
    model = tiny_model("bert") if model is None else model
    return TransferTrainer(
        model, TransferArguments(**{**arguments, **given}), collate_with_labels_or_without, methods=methods, **values
    )


def probabilities(run: TransferTrainer) -> torch.Tensor:
    return run.features_of(TARGET, labelled=False).probabilities()


def test_the_loss_by_hand() -> None:
    logits = torch.tensor([[0.8, 0.2], [0.4, 0.6]]).log()
    entropy, distance = information_terms(logits, torch.tensor([0.5, 0.5]))
    by_hand = [-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)), -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))]
    assert entropy.item() == pytest.approx(sum(by_hand) / 2)
    # The mean prediction is (0.6, 0.4).
    assert distance.item() == pytest.approx(0.5 * math.log(0.5 / 0.6) + 0.5 * math.log(0.5 / 0.4), abs=1e-6)
    assert information_terms(logits, torch.tensor([0.6, 0.4]))[1].item() == pytest.approx(0.0, abs=1e-6)
    # A class that no text had before is not asked for: log(1 / 0.6).
    assert information_terms(logits, torch.tensor([1.0, 0.0]))[1].item() == pytest.approx(math.log(1 / 0.6))


def test_a_class_that_vanishes_costs_without_bound() -> None:
    for gap in (10.0, 100.0):
        logits = torch.tensor([[gap, 0.0], [gap, 0.0]], requires_grad=True)
        entropy, distance = information_terms(logits, torch.tensor([0.9, 0.1]))
        assert distance.item() == pytest.approx(0.1 * gap + 0.9 * math.log(0.9) + 0.1 * math.log(0.1), abs=1e-3)
        # However sure the model is, the gradient brings the class back: 0.1 over two texts.
        assert torch.autograd.grad(entropy + distance, logits)[0][0, 1].item() == pytest.approx(-0.05, abs=1e-3)


def test_the_term_reads_the_target_alone() -> None:
    source, target = two_sides()
    term, network = term_of(SourceFree(weight=0.5), source, target)
    assert network is not None
    assert network.get_buffer("frequencies").tolist() == pytest.approx([1 / 3] * 3)
    assert list(network.parameters()) == []
    assert (term.weight, set(term.logged)) == (1.0, {"entropy", "distance"})
    assert term.value.item() == pytest.approx(0.5 * sum(term.logged.values()))
    assert torch.autograd.grad(term.value, target.logits)[0].abs().max() > 0
    nothing = Features(torch.zeros(0, 4), torch.zeros(0, 3), torch.zeros(0))
    again = SourceFree(weight=0.5).term(nothing, target, 0.5, network)
    assert again.value.item() == pytest.approx(term.value.item())
    losses, labelled = torch.tensor([2.0, 0, 4, 0, 0, 0]), torch.tensor([True, False, True, False, False, False])
    more = SourceFree(weight=0.5, pseudo_weight=0.25).term(
        source, replace(target, losses=losses, labelled=labelled), 0.5, network
    )
    assert more.value.item() == pytest.approx(term.value.item() + 0.25 * 3.0)
    assert more.logged["pseudo"] == 3.0


def test_the_nearest_prototype_by_hand() -> None:
    features = torch.tensor([[2.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
    probabilities = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.1, 0.9]])
    # Of unit length: (1, 0), (1, 0), (.71, .71), (0, 1). Prototypes: (2.09, .49) and (.62, 1.22): the third text lies
    # at .85 from the first and .95 from the second. Then (1, 0), and (.35, .85) with .92.
    assert prototype_labels(features, probabilities).tolist() == [0, 0, 1, 1]
    unseen = torch.cat([probabilities, torch.zeros(4, 1)], dim=1)
    assert prototype_labels(features, unseen).tolist() == [0, 0, 1, 1]


def test_the_head_stays_and_all_else_may_move(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    model: Any = run.model
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    run.train()
    moved = {name.split(".")[0] for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {"bert"}
    adapter: Any = trainer(tmp_path, methods=[LoRA(r=2), SourceFree()]).model
    saved = adapter.base_model.model.classifier
    assert not any(value.requires_grad for value in saved.parameters())


def test_predictions_get_surer_and_no_class_vanishes(tmp_path: Path) -> None:
    run = trainer(tmp_path, num_train_epochs=20, learning_rate=1e-3)
    before = probabilities(run)
    run.train()
    after, network = probabilities(run), run.networks["source_free"]  # type: ignore[index]
    assert network.get_buffer("frequencies").sum().item() == pytest.approx(1.0)
    assert -(after * after.log()).sum(1).mean() < 0.8 * -(before * before.log()).sum(1).mean()
    assert after.mean(0).min() > 0.05  # texts of random tokens are hardly told apart
    entries = [entry for entry in run.state.log_history if "source_free_loss" in entry]
    assert len(entries) == 40
    assert not any("source_loss" in entry for entry in entries)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", save_strategy="epoch", logging_steps=2)
    whole.train()
    again = trainer(tmp_path / "whole", save_strategy="epoch", logging_steps=2)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "run" / "checkpoint-2"))
    for name, value in whole.model.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(again.model.state_dict()[name], value), name  # type: ignore[union-attr]
    kept = [run.networks["source_free"].get_buffer("frequencies") for run in (whole, again)]  # type: ignore[index]
    assert torch.equal(*kept)


def test_parts_of_a_step_make_the_same_update(tmp_path: Path) -> None:
    models = []
    for size, parts in ((8, 1), (2, 4)):
        model = tiny_model("bert")
        model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        changes = {"per_device_train_batch_size": size, "gradient_accumulation_steps": parts, "max_steps": 1}
        run = trainer(tmp_path, model, optim="sgd", **changes)
        run.train()
        models.append(torch.cat([value.detach().flatten() for value in model.parameters()]))
    torch.testing.assert_close(*models, atol=1e-6, rtol=1e-5)


def test_rows_of_a_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train_dataset was given, and source_free learns from target_dataset alone"):
        trainer(tmp_path, train_dataset=random_rows(8))
    with pytest.raises(ConfigError, match=r"target_dataset is missing: source_free needs text of the target domain"):
        trainer(tmp_path, target_dataset=None)
    with pytest.raises(ConfigError, match=r"source_free reads no source text, which coral needs\. Take one of them"):
        trainer(tmp_path, methods=[FullFineTuning(), SourceFree(), CORAL()])


def test_wrong_values() -> None:
    with pytest.raises(ConfigError) as caught:
        SourceFree(weight=-1, pseudo_weight=math.inf)
    assert caught.value.problems == [
        "source_free.weight is -1; expected 0 or more.",
        "source_free.pseudo_weight is inf; expected 0 or more.",
    ]


def test_several_labels_a_text_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"source_free is for one label a text, and the model gives several"):
        SourceFree().check(tiny_model("bert", multi_label=True))
