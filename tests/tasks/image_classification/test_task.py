"""Image classification trains, reports, saves and predicts by the methods that exist."""

import json

import numpy as np
import pytest
import torch
from transformers import pipeline

import nlp_transfer
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.runner import run
from nlp_transfer.tasks.image_classification.task import ImageClassification
from tests.tiny_images import SIZE, image_tree, tiny_image_encoder, write_pages
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_pages(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module", params=["resnet", "vit"])
def encoder(request, tmp_path_factory):
    return tiny_image_encoder(tmp_path_factory.mktemp(request.param), request.param)


def report(encoder, corpus, output, methods, **more):
    tree = image_tree(encoder, corpus, output, num_train_epochs=6, learning_rate=0.02, logging_steps=1)
    return run(load_config(tree={**tree, "methods": methods, **more}))


def batch_statistics(folder):
    from safetensors.torch import load_file

    return {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if ".running_" in name}


def encoder_moved(before, after):
    """Whether weights of the encoder differ between two folders."""
    from safetensors.torch import load_file

    old, new = (load_file(folder / "model.safetensors") for folder in (before, after))
    weights = [name for name in old if not name.startswith("classifier") and name.endswith((".weight", ".bias"))]
    return any(not torch.equal(old[name], new[name]) for name in weights)


METHODS = {
    "frozen_encoder": [{"name": "frozen_encoder"}],
    "partial_fine_tuning": [{"name": "partial_fine_tuning", "layers": 1}],
    "full_fine_tuning": [{"name": "full_fine_tuning"}],
    "lora": [{"name": "lora", "r": 2}],
    "lp_ft": [{"name": "lp_ft"}],
    "prototypes": [{"name": "prototypes"}],
}


@pytest.mark.parametrize("name", METHODS)
def test_each_method_learns_dark_and_light(encoder, corpus, tmp_path, name):
    made = report(encoder, corpus, tmp_path / "run", METHODS[name])
    scores = made.metrics["source"]["test"]
    assert scores["rows"] == 12
    assert scores["accuracy"] >= (0.9 if name in ("frozen_encoder", "full_fine_tuning") else 0.4)
    assert set(made.baselines) == {"majority", "pixel_svm"}
    text = (tmp_path / "run" / "report.md").read_text()
    assert "tokens" not in text.split("## Cost")[1].split("##")[0]
    assert "padding is computed" not in text
    assert made.baselines["pixel_svm"]["source"]["test"]["accuracy"] == 1.0
    assert encoder_moved(encoder, tmp_path / "run" / "model") == (name not in ("frozen_encoder", "prototypes"))


@pytest.mark.parametrize(("name", "moved"), [("partial_fine_tuning", 1), ("lora", 0), ("frozen_encoder", 0)])
def test_batch_statistics_of_frozen_layers_stay(corpus, tmp_path, name, moved):
    encoder = tiny_image_encoder(tmp_path / "encoder")
    report(encoder, corpus, tmp_path / "run", METHODS[name])
    before, after = batch_statistics(encoder), batch_statistics(tmp_path / "run" / "model")
    assert before.keys() == after.keys()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert {key.split("stages.")[1][0] for key in changed if "stages." in key} == ({"1"} if moved else set())
    assert not [key for key in changed if "embedder" in key]


def test_full_fine_tuning_moves_them(corpus, tmp_path):
    encoder = tiny_image_encoder(tmp_path / "encoder")
    report(encoder, corpus, tmp_path / "run", METHODS["full_fine_tuning"])
    before, after = batch_statistics(encoder), batch_statistics(tmp_path / "run" / "model")
    assert not any(torch.equal(before[key], after[key]) for key in before)


def test_a_plain_pipeline_reads_the_saved_folder(encoder, corpus, tmp_path):
    report(encoder, corpus, tmp_path / "run", METHODS["frozen_encoder"])
    files = sorted((corpus / "test").glob("*/*.png"))
    ours = nlp_transfer.load(tmp_path / "run").predict([str(file) for file in files])
    classify = pipeline("image-classification", model=str(tmp_path / "run" / "model"))
    for file, prediction in zip(files, ours, strict=True):
        theirs = {one["label"]: one["score"] for one in classify(str(file))}
        assert theirs == pytest.approx(prediction.probabilities, abs=1e-5)
        assert prediction.predicted == file.parent.name
    settings = json.loads((tmp_path / "run" / "model" / "preprocessor_config.json").read_text())
    assert settings["size"] in ({"shortest_edge": SIZE}, {"height": SIZE, "width": SIZE})


@pytest.mark.parametrize("method", ["coral", "dann", "mcc", "self_training"])
def test_images_of_another_domain_are_adapted_to(corpus, tmp_path, method):
    encoder = tiny_image_encoder(tmp_path / "encoder")
    target = write_pages(tmp_path / "target")
    methods = [{"name": "full_fine_tuning"}, {"name": method}]
    more = {"target": {"path": str(target)}, "source_only_baseline": False}
    made = report(encoder, corpus, tmp_path / "run", methods, **more)
    assert made.metrics["target"]["test"]["accuracy"] >= 0.5
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert any(entry.get(f"{method}_loss", 0) > 0 for entry in logged)


@pytest.mark.parametrize("method", ["contrastive", "few_shot", "target_mlm", "mean_teacher", "adapt"])
def test_methods_that_need_tokens_are_refused(corpus, tmp_path, method):
    encoder = tiny_image_encoder(tmp_path / "encoder")
    tree = image_tree(encoder, corpus, tmp_path / "run")
    methods = (
        [{"name": method}]
        if method in ("contrastive", "few_shot")
        else [{"name": "full_fine_tuning"}, {"name": method}]
    )
    with pytest.raises(ConfigError, match=f"methods: {method} does not go with image_classification"):
        load_config(tree={**tree, "methods": methods, "target": {"path": str(corpus)}})


def test_an_encoder_of_texts_is_refused(corpus, tmp_path):
    encoder = tiny_encoder(tmp_path / "encoder")
    task = ImageClassification().fit(nlp_transfer.load_corpus(nlp_transfer.CorpusConfig(str(corpus)), kind="images"))
    with pytest.raises(ConfigError, match=r" is a bert, of which transformers makes no classifier of images\."):
        task.build_model(ModelReference(str(encoder)))
    with pytest.raises(ConfigError, match=r"has no preprocessor_config\.json"):
        task.load_tokenizer(ModelReference(str(encoder)))


def test_a_corpus_without_labels_is_refused(tmp_path):
    folder = write_pages(tmp_path)
    file = tmp_path / "test.csv"
    names = sorted(path.relative_to(tmp_path) for path in (folder / "test").glob("*/*.png"))
    file.write_text("image\n" + "".join(f"{name}\n" for name in names))
    corpus = nlp_transfer.load_corpus(nlp_transfer.CorpusConfig(str(file)), kind="images", trains=False)
    with pytest.raises(DataError, match=r"the source has no labels"):
        ImageClassification().fit(corpus)


def test_worst_errors_are_named_by_their_files(corpus, tmp_path):
    encoder = tiny_image_encoder(tmp_path / "encoder")
    tree = image_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1, learning_rate=1e-6)
    run(load_config(tree={**tree, "report_examples": 2}))
    text = (tmp_path / "run" / "report.md").read_text()
    assert "## Worst errors" in text
    assert ".png |" in text.split("## Worst errors")[1]


def test_labels_of_a_row_for_people():
    task = ImageClassification()
    assert task.default_baselines == ("majority", "pixel_svm")
    assert np.array_equal(sorted(task.metric_names()), sorted({*task.metric_names()}))
