"""What runs save loads with transformers alone, with the right logits; a network of our own is refused, not beheaded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nlp_transfer
from nlp_transfer import run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.package import BaseModel
from nlp_transfer.models.heads.masked_lm import load_masked_lm
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.training.hub import _use
from tests.tiny_documents import summary_tree, write_documents
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

INPUT_IDS = [[2, 5, 9, 14, 21, 3], [2, 6, 7, 8, 20, 3]]

SAVED = {
    "single": "AutoModelForSequenceClassification",
    "multi": "AutoModelForSequenceClassification",
    "masked": "AutoModelForMaskedLM",
    "written": "AutoModelForSeq2SeqLM",
    "shared": "AutoModelForSeq2SeqLM",
}
"""The Auto class of each run's model."""

PLAIN = """
import json, sys, torch, transformers
folder, saved, ids = json.loads(sys.argv[1])
found = {}
for name, auto_class in saved.items():
    place = f"{folder}/{name}/model"
    model, info = getattr(transformers, auto_class).from_pretrained(place, output_loading_info=True)
    given = {"decoder_input_ids": torch.tensor(ids)} if auto_class.endswith("Seq2SeqLM") else {}
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor(ids), **given).logits.tolist()
    words = transformers.AutoTokenizer.from_pretrained(place)("use copy").input_ids
    found[name] = {"logits": logits, "missing": sorted(info["missing_keys"]), "words": words}
place = f"{folder}/extracts/model"
found["extracts"] = {"words": transformers.AutoTokenizer.from_pretrained(place)("use copy").input_ids}
for name in ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoModelForTokenClassification"):
    try:
        getattr(transformers, name).from_pretrained(place)
    except ValueError as error:
        found["extracts"][name] = str(error)
try:
    transformers.pipeline("text-classification", model=place)
except ValueError as error:
    found["extracts"]["pipeline"] = str(error)
for name in ("written", "shared"):
    try:
        transformers.pipeline("text-classification", model=f"{folder}/{name}/model")("use copy")
    except ValueError as error:
        found[name]["pipeline"] = str(error)
assert "nlp_transfer" not in sys.modules
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each kind. Do not write to it."""
    folder = tmp_path_factory.mktemp("saved")
    encoder, documents = tiny_encoder(folder / "encoder"), write_documents(folder / "documents")
    trees = {
        "single": run_tree(encoder, write_corpus(folder / "corpus"), folder / "single", num_train_epochs=1),
        "multi": run_tree(
            encoder, write_corpus(folder / "labels", multi_label=True), folder / "multi", num_train_epochs=1
        ),
        "extracts": summary_tree(encoder, documents, folder / "extracts", num_train_epochs=1),
    }
    for name in ("written", "shared"):
        options = {"num_train_epochs": 1, "metric_for_best_model": "loss"}
        task = {"name": "abstractive_summarization", "max_length": 40, "max_summary_length": 20, "num_beams": 1}
        tree = summary_tree(encoder, documents, folder / name, **options)
        trees[name] = {**tree, "task": {**task, "share_weights": name == "shared"}}
    masked = run_tree(encoder, folder / "corpus", folder / "masked", num_train_epochs=1, metric_for_best_model="loss")
    trees["masked"] = {**masked, "task": {"name": "masked_language_modeling", "max_length": 32}}
    for tree in trees.values():
        run(load_config(tree=tree))
    return folder


@pytest.fixture(scope="module")
def alone(saved: Path) -> dict[str, Any]:
    """What a process finds that does not know this package."""
    given = json.dumps([str(saved), SAVED, INPUT_IDS])
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, given], cwd=saved, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", SAVED)
def test_it_gives_the_same_logits(saved: Path, alone: dict[str, Any], name: str) -> None:
    ids = torch.tensor(INPUT_IDS)
    if name == "masked":
        ours: Any = load_masked_lm(ModelReference(str(saved / name / "model"), attention_dropout=None)).model.eval()
    else:
        ours = saved_models.load(saved / name).model
    given = {"decoder_input_ids": ids} if SAVED[name].endswith("Seq2SeqLM") else {}
    with torch.no_grad():
        expected = ours(input_ids=ids, **given).logits
    assert alone[name]["missing"] == []
    np.testing.assert_allclose(alone[name]["logits"], expected.numpy(), atol=1e-6)
    assert alone[name]["words"] == [2, 5, 6, 3]


def test_an_extractive_summariser_gets_no_random_head(alone: dict[str, Any]) -> None:
    found = alone["extracts"]
    assert found.pop("words") == [2, 5, 6, 3]
    assert set(found) == {
        "AutoConfig",
        "AutoModel",
        "AutoModelForSequenceClassification",
        "AutoModelForTokenClassification",
        "pipeline",
    }
    for said in found.values():
        assert "has model type `extractive-bert` but Transformers does not recognize this architecture" in said


@pytest.mark.parametrize("name", ["written", "shared"])
def test_an_encoder_with_a_decoder_is_no_classifier(alone: dict[str, Any], name: str) -> None:
    assert alone[name]["pipeline"] == "You must specify exactly one of input_ids or inputs_embeds"


def test_registered_it_loads_with_auto_classes_as_with_load(saved: Path) -> None:
    from transformers import AutoModel

    nlp_transfer.register_models()
    nlp_transfer.register_models()
    ours: Any = nlp_transfer.load(saved / "extracts")
    model = AutoModel.from_pretrained(saved / "extracts" / "model").eval()
    given = {"input_ids": torch.tensor(INPUT_IDS), "markers": torch.tensor([[0, 3], [0, 2]])}
    with torch.no_grad():
        torch.testing.assert_close(model(**given).logits, ours.model(**given).logits, atol=1e-6, rtol=0)
    assert type(model).__name__ == "BertForExtractiveSummarization"


def test_bertscore_needs_an_encoder_alone(saved: Path) -> None:
    place = saved / "extracts" / "model"
    with pytest.raises(ConfigError) as caught:
        bertscore_folder(str(place))
    assert str(caught.value) == (
        f"task.bertscore_model: {place} is an extractive summariser; expected an encoder alone."
    )
    assert bertscore_folder(str(saved / "encoder")) == saved / "encoder"


def test_the_card_of_a_trainers_push_registers_it(saved: Path) -> None:
    network = nlp_transfer.load(saved / "extracts").model
    assert _use(network, "ada/extracts", BaseModel("an encoder"), adapter=False) == (
        "import nlp_transfer\nfrom transformers import AutoModel\n\nnlp_transfer.register_models()\n"
        'model = AutoModel.from_pretrained("ada/extracts")'
    )
