"""What is saved loads as it was, and as plain transformers load it; what is no classifier is refused in words."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import MANIFEST, write_manifest
from nlp_transfer.tasks import saved_models
from tests.tiny_classifiers import LABELS, MAX_LENGTH, random_texts, save_classifier, spread_model, word_tokenizer
from tests.tiny_models import logits, tiny_checkpoint, tiny_model


def refusal(name: str | Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        saved_models.load(name)
    return str(caught.value)


@pytest.fixture
def copy(tiny_classifier: Path, tmp_path: Path) -> Path:
    """A saved classifier to damage."""
    return Path(shutil.copytree(tiny_classifier, tmp_path / "saved"))


# ---- right use ----


def test_a_single_label_classifier_loads_as_it_was_saved(tiny_classifier: Path) -> None:
    loaded = saved_models.load(tiny_classifier)
    assert (loaded.label_names, loaded.multi_label, loaded.max_length) == (LABELS, False, MAX_LENGTH)
    assert loaded.origin == str(tiny_classifier)
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    torch.testing.assert_close(logits(loaded.model), logits(spread_model("bert")), rtol=0, atol=0)


def test_thresholds_are_saved_by_label(tiny_multi_label_classifier: Path) -> None:
    loaded = saved_models.load(tiny_multi_label_classifier)
    assert loaded.multi_label
    assert loaded.decision.thresholds.tolist() == [0.2, 0.5, 0.9]
    # A label is predicted from its threshold on, the threshold included.
    assert loaded.decision.choose(np.array([[0.2, 0.49, 0.95], [0.19, 0.5, 0.89]])).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_probabilities_are_softmax_or_sigmoid(tiny_classifier: Path, tiny_multi_label_classifier: Path) -> None:
    scores = np.log([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(
        saved_models.load(tiny_classifier).decision.probabilities(scores), [[1 / 8, 2 / 8, 5 / 8]]
    )
    np.testing.assert_allclose(
        saved_models.load(tiny_multi_label_classifier).decision.probabilities(scores), [[1 / 2, 2 / 3, 5 / 6]]
    )


def test_saving_leaves_the_tokenizer_as_it_was(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    before = tokenizer.model_max_length
    saved_models.save(tiny_model("bert"), tokenizer, tmp_path, record={"task": "t"}, cut_at=9)
    assert tokenizer.model_max_length == before
    # Plain transformers cut where the run cut, and find the names of the classes.
    assert AutoTokenizer.from_pretrained(tmp_path).model_max_length == 9
    assert saved_models.load(tmp_path).max_length == 9


def test_a_run_folder_stands_for_its_model(tiny_classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    assert saved_models.load(tmp_path / "run").origin == str(tmp_path / "run" / "model")


def test_home_is_expanded(tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    assert saved_models.load("~/run").label_names == LABELS


def test_a_stranger_s_classifier_is_cut_at_the_last_position_it_has(tmp_path: Path) -> None:
    # RoBERTa counts positions from pad_token_id + 1 on: of 80, 78 are for tokens. The tokenizer sets no limit.
    tiny_model("roberta").save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    loaded = saved_models.load(tmp_path)
    assert (loaded.max_length, loaded.label_names) == (78, ["LABEL_0", "LABEL_1", "LABEL_2"])
    batch = loaded.tokenizer(
        random_texts(1, longest=1)[0] + " w1" * 100, truncation=True, max_length=78, return_tensors="pt"
    )
    assert loaded.model(**batch).logits.shape == (1, 3)


def test_half_precision_weights_are_computed_with_in_float32(copy: Path) -> None:
    AutoModelForSequenceClassification.from_pretrained(copy, dtype=torch.bfloat16).save_pretrained(copy)
    assert json.loads((copy / "config.json").read_text())["dtype"] == "bfloat16"
    assert saved_models.load(copy).model.dtype == torch.float32


# ---- refusals ----


def test_no_folder(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nothing")
    assert message.startswith(f"there is no folder {tmp_path / 'nothing'}. Expected a folder, a Hub id such as ")


def test_a_folder_here_has_no_revisions(tiny_classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "clauses")
    with pytest.raises(CheckpointError, match=r"clauses@v1"):
        saved_models.load(tmp_path / "clauses@v1")
    with pytest.raises(CheckpointError, match=r"clauses is on this machine, and revision is v1: only models on the H"):
        saved_models.load(tmp_path / "clauses", revision="v1")
    (tmp_path / "clauses").rename(tmp_path / "clauses@v1")
    assert saved_models.load(tmp_path / "clauses@v1").label_names == saved_models.load(tiny_classifier).label_names


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "run.json").write_text("{}")
    assert refusal(tmp_path) == (
        f"{tmp_path} holds no trained model: there is no config.json, nor model/config.json. It holds checkpoints, "
        "run.json."
    )


def test_an_adapter_that_was_not_merged(tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    place = tmp_path / "adapter" / "adapter_config.json"
    place.write_text(json.dumps({"base_model_name_or_path": "org/encoder"}))
    assert (
        "; load an adapter that was not merged with peft, on its base model, which it says is 'org/encoder'. It holds "
    ) in refusal(tmp_path)
    place.write_text(json.dumps({"base_model_name_or_path": None}))
    assert "; load an adapter that was not merged with peft, on its base model. It holds " in refusal(tmp_path)


def test_torn_weights(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    message = refusal(copy)
    assert message.startswith(f"{copy} cannot be loaded as a trained classifier (")


def test_torn_config(copy: Path) -> None:
    (copy / "config.json").write_text('{"model_type": ')
    assert str(copy) in refusal(copy)


def test_weights_that_do_not_fit_the_config(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["id2label"] = {"0": "a", "1": "b"}
    config["label2id"] = {"a": 0, "b": 1}
    (copy / "config.json").write_text(json.dumps(config))
    assert refusal(copy).startswith(f"{copy} cannot be loaded as a trained classifier (")


def test_an_encoder_without_a_head(tmp_path: Path) -> None:
    tiny_checkpoint("distilbert", tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path} is not a trained classifier: its weights lack classifier.bias, ")
    assert message.endswith("Train it first (scripts/train.py).")


def test_pickled_weights_are_not_read(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"never opened")
    message = refusal(copy)
    assert message.startswith(f"{copy} has its weights as a pickle only (pytorch_model.bin). Pickles can run code")
    assert "AutoModelForSequenceClassification" in message  # plain AutoModel would lose the head
    (copy / "pytorch_model.bin").unlink()
    assert "has no weights (*.safetensors)" in refusal(copy)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_changed_file_is_known_by_its_hash(copy: Path, file: str) -> None:
    write_manifest(copy)
    assert saved_models.load(copy).label_names == LABELS
    content = bytearray((copy / file).read_bytes())
    content[-9] ^= 1  # the same size: a weight, or a letter of the text
    (copy / file).write_bytes(content)
    message = refusal(copy)
    assert message.startswith(f"{copy / file} has the SHA-256 ")
    assert message.endswith(f"If it was you who changed it, delete {copy / MANIFEST}.")


def test_saving_over_a_folder_takes_its_manifest_away(copy: Path) -> None:
    write_manifest(copy)
    save_classifier(copy, labels=["a", "b", "c"])
    assert saved_models.load(copy).label_names == ["a", "b", "c"]


def test_a_link_that_leads_out_of_a_saved_model(copy: Path) -> None:
    write_manifest(copy)
    weights = copy / "model.safetensors"
    weights.rename(copy.parent / "elsewhere")
    weights.symlink_to(copy.parent / "elsewhere")
    assert "holds the link model.safetensors, which leads to what is outside this folder" in refusal(copy)


def test_an_adapter_names_its_base_and_it_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    (tmp_path / "adapter_model.safetensors").touch()
    assert "on its base model, which it says is 'someone/else'. It holds adapter_" in refusal(tmp_path)


def test_a_pickled_adapter_is_not_read(tmp_path: Path) -> None:
    model = tiny_model("bert")
    torch.save({"a": model.classifier.weight.data}, tmp_path / "adapter_model.bin")
    (tmp_path / "adapter_config.json").write_text("{}")
    message = refusal(tmp_path)
    assert "but an adapter as a pickle (adapter_model.bin). Pickles can run code, so they are not read." in message
    command = message.split('python -c "')[1].split('" and delete')[0]
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True)
    torch.testing.assert_close(load_file(tmp_path / "adapter_model.safetensors")["a"], model.classifier.weight.data)


def test_an_adapter_in_a_models_folder_is_not_applied(copy: Path) -> None:
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    assert "holds a model (config.json) and an adapter (adapter_config.json)" in refusal(copy)


def test_code_in_a_model_s_folder_never_runs(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked the user"))
    (copy / "evil.py").write_text("from pathlib import Path\nPath(__file__).with_name('RAN').touch()\n")
    tree = json.loads((copy / "config.json").read_text())
    auto_map = {"AutoConfig": "evil.A", "AutoModelForSequenceClassification": "evil.B"}
    (copy / "config.json").write_text(json.dumps({**tree, "auto_map": auto_map}))
    assert saved_models.load(copy).label_names == LABELS
    (copy / "config.json").write_text(json.dumps({**tree, "auto_map": auto_map, "model_type": "not_known"}))
    assert "contains custom code" in refusal(copy)
    assert not list(copy.rglob("RAN"))


def test_no_tokenizer(copy: Path) -> None:
    for file in copy.glob("tokenizer*"):
        file.unlink()
    assert refusal(copy).startswith(str(copy))


def test_a_tokenizer_without_padding(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    tokenizer.pad_token = None
    saved_models.save(tiny_model("bert"), tokenizer, tmp_path, record={"task": "t"}, cut_at=9)
    assert refusal(tmp_path) == (f"{tmp_path} has a tokenizer without padding token.")


@pytest.mark.parametrize("problem_type", ["regression", None])
def test_a_regression_is_no_classifier(tmp_path: Path, problem_type: str | None) -> None:
    config = BertConfig(
        vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=1
    )
    config.problem_type = problem_type
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    assert refusal(tmp_path) == f"{tmp_path}: this model is no classifier: it gives a number (regression)."


def test_one_label_is_a_classifier_where_labels_are_independent(tmp_path: Path) -> None:
    save_classifier(tmp_path, multi_label=True, labels=["spam"])
    assert saved_models.load(tmp_path).label_names == ["spam"]


def test_a_hub_id_without_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert refusal("nobody/nothing").startswith(
        "nobody/nothing is not a folder here, and as a Hub id it cannot be fetched: HF_HUB_OFFLINE is set, and it is"
    )
