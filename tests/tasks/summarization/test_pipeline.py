"""The pipeline says what scripts/predict.py says."""

import pytest
from transformers import pipeline

import nlp_transfer
from nlp_transfer import run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.tasks import saved_models
from tests.tiny_classifiers import save_classifier
from tests.tiny_documents import documents, summary_tree, write_documents
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    corpus = write_documents(folder / "documents")
    tree = summary_tree(tiny_encoder(folder / "encoder"), corpus, folder / "out", num_train_epochs=1)
    run(load_config(tree=tree))
    nlp_transfer.register_pipelines()
    nlp_transfer.register_pipelines()
    return folder / "out"


def test_it_summarises(finished):
    made = pipeline("summarization", model=str(finished / "model"))
    texts = ["\n".join(row["document"]) for row in documents(3, seed=9)]
    expected = list(saved_models.load(finished).predict(enumerate(texts)))
    found = made(texts)
    assert [one["summary_text"] for one in found] == [one.summary for one in expected]
    assert [one["text"] for one in found[0]["sentences"]] == [one.text for one in expected[0].sentences]
    assert set(found[0]["sentences"][0]) == {"text", "start", "end", "score"}
    assert made(texts[0]) == found[0]
    assert made("")["summary_text"] == ""
    assert made([]) == []
    assert made(texts, batch_size=2) == found


def test_its_settings_may_be_others_than_the_run_s(finished):
    text = "\n".join(documents(1, seed=9)[0]["document"])
    one = pipeline("summarization", model=str(finished / "model"), length_unit="sentences", length=1)
    assert len(one(text)["sentences"]) == 1
    assert len(one(text, length=3)["sentences"]) == 3
    assert len(one(text)["sentences"]) == 1


def test_what_it_does_not_take(finished, tmp_path):
    made = pipeline("summarization", model=str(finished / "model"))
    with pytest.raises(
        ConfigError, match=r"Unknown option 'lenght'. Did you mean 'length'\? Options: length_unit, length"
    ):
        made("a text", lenght=3)
    with pytest.raises(ConfigError, match=r"length is 2.5; expected a whole number of sentences"):
        pipeline("summarization", model=str(finished / "model"), length_unit="sentences", length=2.5)
    with pytest.raises(TypeError, match="takes texts as one argument"):
        made("a text", "another")
    with pytest.raises(TypeError, match="takes texts; got int"):
        made([3])
    with pytest.raises(CheckpointError, match=r"is not a trained summariser: its config\.json lacks how it reads"):
        pipeline("summarization", model=str(save_classifier(tmp_path)))
