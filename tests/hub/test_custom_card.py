"""A card that a person wrote says nothing else than the run: numbers and base model, both values named."""

from dataclasses import replace
from pathlib import Path

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.card import Card
from nlp_transfer.hub.custom_card import check_card, read_card
from nlp_transfer.hub.package import BaseModel

MADE = Card(
    repo_id="ada/clauses",
    task="sequence_classification",
    base=BaseModel("an encoder", "org/encoder"),
    adapter=False,
    summary="s",
    use="u",
    intended="i",
    results={
        "source": {"validation": {"macro_f1": 0.25}, "test": {"macro_f1": 0.81237, "accuracy": 0.9}},
        "target": {"test": {"macro_f1": 0.5, "loss": float("nan")}},
    },
    datasets={"source": ("coastalcph/lex_glue", "ledgar")},
)
PLACE = Path("card.md")


def result(metric: str, dataset: str, split: str | None = "test") -> str:
    held = f"{dataset}, split: {split}" if split else dataset
    return (
        "---\ntags: [nlp-transfer]\nmodel-index:\n- name: mine\n  results:\n  - task: {type: text-classification}\n"
        f"    dataset: {{{held}}}\n    metrics: [{{{metric}}}]\n---\n# Mine\n"
    )


HUB = "name: contracts, type: coastalcph/lex_glue, config: ledgar"
OWN = "name: ours, type: unpublished, config: target"


def problems(text: str, made: Card = MADE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_card(text, made.text(), PLACE)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        MADE.text(),
        "---\ntags: [nlp-transfer]\n---\n# Mine, without any numbers\n",
        "---\nbase_model: [org/other, org/encoder]\n---\n",
        result("type: f1, name: macro_f1, value: 0.81237", HUB),
        result("type: f1, name: macro_f1, value: 0.8124", HUB),
        result("type: f1, name: macro_f1, value: 0.81", HUB),
        result("type: accuracy, value: 0.9", HUB),
        result("type: f1, name: macro_f1, value: 0.25", HUB, None),  # of one of its splits
        result("type: f1, name: macro_f1, value: 0.5", OWN),
        result("type: loss, name: loss, value: .nan", OWN),
        result("type: matthews_correlation, name: mcc, value: 0.7", HUB),  # the run has no such number
        result("type: f1, name: macro_f1, value: 0.1", "name: other, type: org/other"),  # nor such data
    ],
)
def test_what_agrees(text: str) -> None:
    check_card(text, MADE.text(), PLACE)


@pytest.mark.parametrize(
    ("metric", "dataset", "split", "said"),
    [
        ("type: f1, name: macro_f1, value: 0.83", HUB, "test", "macro_f1 of contracts, test, is 0.83, and the run's is 0.81237"),
        ("type: f1, name: macro_f1, value: 0.8", HUB, "test", "macro_f1 of contracts, test, is 0.8, and the run's is 0.81237"),
        ("type: f1, name: macro_f1, value: 0.8125", HUB, "test", "macro_f1 of contracts, test, is 0.8125, and the run's is 0.81237"),
        ("type: f1, name: macro_f1, value: 81.24", HUB, "test", "macro_f1 of contracts, test, is 81.24, and the run's is 0.81237"),
        ("type: f1, name: macro_f1, value: high", HUB, "test", "macro_f1 of contracts, test, is high, and the run's is 0.81237"),
        ("type: accuracy, value: 1", HUB, "test", "accuracy of contracts, test, is 1, and the run's is 0.9"),
        ("type: f1, name: macro_f1, value: 0.99", HUB, None, "macro_f1 of contracts is 0.99, and the run's is 0.25 or 0.81237"),
        ("type: f1, name: macro_f1, value: 0.81237", OWN, "test", "macro_f1 of ours, test, is 0.81237, and the run's is 0.5"),
        ("type: loss, name: loss, value: 0.5", OWN, "test", "loss of ours, test, is 0.5, and the run's is nan"),
        ("type: f1, name: macro_f1, value: 0.99", "name: x, type: unpublished", "test", "macro_f1 of x, test, is 0.99, and the run's is 0.5"),
    ],
)  # fmt: skip
def test_other_numbers(metric: str, dataset: str, split: str | None, said: str) -> None:
    assert problems(result(metric, dataset, split)) == [f"--card card.md: {said}. Write that, or leave it out."]


def test_another_base_model() -> None:
    assert problems("---\nbase_model: org/other\n---\n") == [
        "--card card.md: base_model is org/other, and the run's model is of org/encoder. Write base_model: org/encoder"
    ]
    check_card("---\nbase_model: org/other\n---\n", replace(MADE, base=BaseModel("a folder's")).text(), PLACE)


def test_a_card_that_cannot_be_pushed(tmp_path: Path) -> None:
    place = tmp_path / "card.md"
    place.write_text("---\ntags: [mine]\n---\n")
    with pytest.raises(ConfigError, match=r"lacks the tag nlp-transfer.*tags: \[nlp-transfer\]"):
        read_card(place)
    place.write_text("---\ntags: [\n---\n")
    with pytest.raises(ConfigError, match=r"its metadata, between the lines ---, cannot be read"):
        read_card(place)
