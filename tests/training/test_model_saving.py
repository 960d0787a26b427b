"""The folders that a run leaves: a plain model, and the adapter where one was trained."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods import LoRA
from nlp_transfer.models.files.manifest import check_manifest
from nlp_transfer.tasks.saved_folder import CONFIG_KEY
from nlp_transfer.training.model_saving import _class_frequencies, save_model
from tests.tiny_models import collate, logits, random_rows
from tests.tiny_runs import tiny_encoder


@pytest.mark.parametrize("methods", [[], [LoRA(r=2)]], ids=["plain", "lora"])
def test_a_run_leaves_a_plain_model_and_the_adapter(tmp_path, methods):
    encoder = tiny_encoder(tmp_path / "encoder")
    tokenizer: Any = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3)
    arguments = TransferArguments(str(tmp_path / "out"), use_cpu=True, report_to="none", disable_tqdm=True)
    trainer = TransferTrainer(model, arguments, collate, train_dataset=random_rows(4), methods=methods)
    task: Any = SimpleNamespace(
        name="some_task", settings=lambda: {"max_length": 9}, cut_at=9, saved_with=dict, label_names=[]
    )
    paths = save_model(trainer, task, tokenizer, tmp_path)
    assert paths["model"] == str(tmp_path / "model")
    assert ("adapter" in paths) == bool(methods)
    for folder in paths.values():
        check_manifest(type(tmp_path)(folder))
        assert not (type(tmp_path)(folder) / "training_args.bin").exists()
    loaded = AutoModelForSequenceClassification.from_pretrained(paths["model"])
    assert getattr(loaded.config, CONFIG_KEY) == {"task": "some_task", "max_length": 9}
    torch.testing.assert_close(logits(loaded), logits(trainer.model))


def test_the_record_has_the_class_frequencies_of_one_label_a_text():
    rows = Dataset.from_dict({"labels": [0, 2, 2, 2]})
    task: Any = SimpleNamespace(label_names=list("abc"))

    def frequencies(rows: Any, task: Any = task) -> Any:
        return _class_frequencies(SimpleNamespace(context=SimpleNamespace(train=rows)), task)  # type: ignore[arg-type]

    assert frequencies(rows) == {"class_frequencies": [0.25, 0.0, 0.75]}
    assert frequencies(rows.remove_columns("labels")) == {}
    assert frequencies(Dataset.from_dict({"labels": [[0.0, 1.0]]})) == {}
    assert frequencies(rows, SimpleNamespace(label_names=[])) == {}
