"""BERTScore with an encoder from a folder: by hand, and as the package computes it."""

import bert_score
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.bertscore import bert_scores
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def by_hand(summary, reference, folder):
    """F1 of greedy matches of the states after the second of three layers; special tokens do not count."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    sides = []
    for text in (summary, reference):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[2][0]
        sides.append(torch.nn.functional.normalize(states, dim=-1))
    cosines = sides[0] @ sides[1].T
    precision, recall = cosines.max(dim=1).values[1:-1].mean(), cosines.max(dim=0).values[1:-1].mean()
    return float(2 * precision * recall / (precision + recall))


def test_by_hand(encoder):
    summaries, references = ["use copy", "the work of you"], ["copy modify freely", "the work of you"]
    found = bert_scores(summaries, references, encoder)
    assert found == pytest.approx(
        [by_hand(*pair, encoder) for pair in zip(summaries, references, strict=True)], abs=1e-5
    )
    assert found[1] == pytest.approx(1.0, abs=1e-5)
    assert 0 < found[0] < 1


def test_as_the_package(encoder):
    summaries, references = ["use copy", "waive rights"], ["copy modify freely", "world"]
    expected = bert_score.score(summaries, references, model_type=str(encoder), num_layers=2)[2]
    assert bert_scores(summaries, references, encoder) == pytest.approx(expected.tolist(), abs=1e-5)


def test_empty_and_long_texts(encoder):
    found = bert_scores(["", "use", "use " * 200], ["use", " !", "use"], encoder)
    assert found[:2] == [0.0, 0.0]
    assert 0 < found[2] <= 1
    assert bert_scores([""], ["use"], encoder) == [0.0]


def test_wrong_use(encoder, monkeypatch):
    with pytest.raises(DataError, match="BERTScore needs at least one summary"):
        bert_scores([], [], encoder)
    with pytest.raises(ValueError, match="longer than argument"):
        bert_scores(["a"], ["a", "b"], encoder)
    monkeypatch.setitem(__import__("sys").modules, "bert_score.utils", None)
    with pytest.raises(ConfigError, match=r'pip install "nlp-transfer\[bertscore\]"'):
        bert_scores(["a"], ["a"], encoder)
