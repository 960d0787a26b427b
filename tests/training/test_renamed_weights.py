"""The best checkpoint, and one to go on from, is loaded whole where its tensors have the names of earlier versions."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.training.renamed_weights import load_renamed, saved_names
from tests.tiny_images import collate_pixels, pixel_rows, tiny_image_model


def trainer_of(kind, folder, **settings):
    values = {
        "num_train_epochs": 4,
        "learning_rate": 0.02,
        "per_device_train_batch_size": 4,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
    }
    arguments = TransferArguments(str(folder), **values | settings)
    rows = {"train_dataset": pixel_rows(16), "eval_dataset": pixel_rows(8, seed=1)}
    return TransferTrainer(tiny_image_model(kind), arguments, collate_pixels, **rows)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_the_best_model_is_that_of_its_checkpoint(kind, tmp_path):
    trainer = trainer_of(kind, tmp_path)
    trainer.train()
    best = trainer.state.best_model_checkpoint
    assert trainer.state.best_global_step < trainer.state.max_steps  # else all weights would be there already
    expected = AutoModelForImageClassification.from_pretrained(best).state_dict()
    found = trainer.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_training_goes_on_to_the_bit(kind, tmp_path):
    settings = {"load_best_model_at_end": False, "eval_strategy": "no"}
    whole = trainer_of(kind, tmp_path / "whole", **settings)
    whole.train()
    again = trainer_of(kind, tmp_path / "whole", **settings)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-8"))
    expected, found = whole.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_only_other_names_are_loaded_so(tmp_path):
    for kind, renamed in (("vit", True), ("resnet", False)):
        trainer = trainer_of(kind, tmp_path / kind)
        trainer.model.save_pretrained(tmp_path / kind)
        before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
        with torch.no_grad():
            for parameter in trainer.model.parameters():
                parameter.zero_()
        assert load_renamed(trainer, tmp_path / kind) == renamed
        restored = all(torch.equal(tensor, before[name]) for name, tensor in trainer.model.state_dict().items())
        assert restored == renamed
        assert saved_names(tmp_path / kind) == set(load_file(tmp_path / kind / "model.safetensors"))
