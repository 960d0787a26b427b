"""Gradual unfreezing opens the top layers one by one, at equal shares of the steps."""

from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods.gradual_unfreezing import GradualUnfreezing, open_layers
from nlp_transfer.methods.partial_fine_tuning import PartialFineTuning
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.stand_in import attached, stand_in


def test_shares_of_the_steps() -> None:
    assert [open_layers(step, 6, 2) for step in range(6)] == [0, 0, 1, 1, 2, 2]
    assert [open_layers(step, 7, 2) for step in range(7)] == [0, 0, 0, 1, 1, 2, 2]
    assert [open_layers(step, 2, 3) for step in range(2)] == [0, 2]
    assert open_layers(6, 6, 2) == 2
    assert open_layers(0, 0, 2) == 0


class Watch(TrainerCallback):
    """Note which layers moved in each step, and the gradient norm over the layers that are closed."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.layers = model.bert.encoder.layer
        self.moved: list[list[int]] = []
        self.head_moved: list[bool] = []
        self.head = model.classifier
        self.closed_gradients: list[float] = []

    def on_step_begin(self, args, state, control, **kwargs) -> None:
        self.before = [[p.detach().clone() for p in layer.parameters()] for layer in self.layers]
        self.head_before = self.head.weight.detach().clone()

    def on_optimizer_step(self, args, state, control, **kwargs) -> None:
        self.moved.append(
            [
                index
                for index, (layer, old) in enumerate(zip(self.layers, self.before, strict=True))
                if any(not torch.equal(p, o) for p, o in zip(layer.parameters(), old, strict=True))
            ]
        )
        self.head_moved.append(not torch.equal(self.head.weight, self.head_before))


def train(tmp_path: Path, method: PartialFineTuning, **arguments: object) -> tuple[Watch, TransferTrainer]:
    model = tiny_model("bert")
    watch = Watch(model)
    trainer = TransferTrainer(
        model=model,
        args=TransferArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=4,
            report_to=[],
            use_cpu=True,
            weight_decay=0.1,
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
            **arguments,
        ),
        train_dataset=random_rows(24),
        data_collator=collate,
        methods=method,
        callbacks=[watch],
    )
    trainer.train()
    return watch, trainer


def test_layers_open_one_by_one_in_one_epoch(tmp_path: Path) -> None:
    watch, trainer = train(
        tmp_path, PartialFineTuning(layers=2, gradual_unfreezing=True), num_train_epochs=1, learning_rate=1e-2
    )
    # Weight decay moves nothing that is closed, layer 0 never opens.
    assert watch.moved == [[], [], [2], [2], [1, 2], [1, 2]]
    assert all(watch.head_moved)
    assert all(not p._backward_hooks for p in trainer.model.parameters())


def test_the_clipped_norm_is_that_of_the_open_weights(tmp_path: Path) -> None:
    _, gradual = train(tmp_path, PartialFineTuning(layers=2, gradual_unfreezing=True), max_steps=3, seed=3)
    _, head_only = train(tmp_path, PartialFineTuning(layers=0), max_steps=3, seed=3)
    norms = [[log["grad_norm"] for log in run.state.log_history if "grad_norm" in log] for run in (gradual, head_only)]
    assert norms[0][0] == pytest.approx(norms[1][0])
    assert norms[0][2] > norms[1][2]


def test_a_resumed_run_goes_on_where_it_was() -> None:
    model = tiny_model("bert")
    weight = model.bert.encoder.layer[2].output.dense.weight
    unfreezing = attached(GradualUnfreezing(2), stand_in(model))
    unfreezing.trainer.state.global_step, unfreezing.trainer.state.max_steps = 4, 6
    with unfreezing.training():
        assert unfreezing.prepare_step([]) == []
        assert unfreezing.open_layers == 2
        assert len(weight._backward_hooks) == 1
    assert not weight._backward_hooks
