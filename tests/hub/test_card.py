"""A card's metadata are what the Hub understands, and read back as they were meant."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.card import CLASSIFIER, Card, adapter_use, edited_card, metric_type, metrics_of
from nlp_transfer.hub.package import BaseModel

CARD = Card(
    repo_id="ada/clauses",
    pipeline_tag="text-classification",
    base=BaseModel("[org/encoder](https://huggingface.co/org/encoder)", "org/encoder", "abc"),
    adapter=False,
    summary="an encoder, moved.",
    use='model = "x"\n',
    intended="It sorts.",
    transfer=["**Encoder**: one.", "**Method** `lora`."],
    scores="| a |",
    results={
        "source": {"test": {"rows": 24, "macro_f1": 0.5, "accuracy": 0.25, "per_class": {"a": {"f1": 1.0}}}},
        "target": {"test": {"rougeLsum": 0.125, "note": "text", "undefined": None}},
    },
    datasets={"source": ("coastalcph/lex_glue", "ledgar")},
    limits=["One.", "Two."],
    cost=["Training: 1 s"],
    versions={"torch": "2.13", "peft": None},
    license="mit",
    language=("en", "de"),
    tags=("lora",),
)


def read(card: Card) -> ModelCard:
    return ModelCard(card.text())


def test_metadata_read_back() -> None:
    data = read(CARD).data
    assert data.base_model == "org/encoder"
    assert data.get("base_model_relation") == "finetune"
    assert (data.library_name, data.pipeline_tag, data.license) == ("transformers", "text-classification", "mit")
    assert (data.language, data.datasets, data.tags) == (
        ["en", "de"],
        ["coastalcph/lex_glue"],
        ["nlp-transfer", "lora"],
    )
    results = [
        (
            one.dataset_name,
            one.dataset_type,
            one.dataset_config,
            one.dataset_split,
            one.metric_type,
            one.metric_name,
            one.metric_value,
        )
        for one in data.eval_results
    ]
    hub = ("source (coastalcph/lex_glue)", "coastalcph/lex_glue", "ledgar", "test")
    assert results == [
        (*hub, "f1", "macro_f1", 0.5),
        (*hub, "accuracy", "accuracy", 0.25),
        ("target (unpublished)", "unpublished", "target", "test", "rouge", "rougeLsum", 0.125),
    ]
    assert {one.task_type for one in data.eval_results} == {"text-classification"}


@pytest.mark.parametrize(
    ("base", "adapter", "expected"),
    [
        (BaseModel("w", "org/encoder"), True, ("org/encoder", "adapter", "peft")),
        (BaseModel("w", root="org/encoder"), True, ("org/encoder", "finetune", "peft")),
        (BaseModel("w", root="org/encoder"), False, ("org/encoder", "finetune", "transformers")),
        (BaseModel("w"), False, (None, None, "transformers")),
    ],
)
def test_the_relation_to_the_base_model(base: BaseModel, adapter: bool, expected: tuple) -> None:
    data = read(replace(CARD, base=base, adapter=adapter)).data
    assert (data.base_model, data.get("base_model_relation"), data.library_name) == expected


def test_the_text() -> None:
    digest = hashlib.sha256(CARD.text().rpartition("\n\n")[0].encode()).hexdigest()[:16]
    assert read(CARD).text.strip() == (
        '# clauses\n\nAn encoder, moved.\n\n## Use\n\n```python\nmodel = "x"\n```\n\n'
        "A private repository needs a login (`hf auth login`).\n\nIt sorts.\n\n"
        "## Transfer\n\n**Encoder**: one.\n\n**Method** `lora`.\n\n## Scores\n\n| a |\n\n## Limits\n\n- One.\n- Two.\n\n"
        "## Cost\n\n- Training: 1 s\n\n## Versions\n\ntorch 2.13\n\n"
        f"<!-- made by nlp-transfer ({digest}); a card that was edited is kept -->"
    )


def test_a_card_that_a_person_edited_is_known(tmp_path: Path) -> None:
    assert edited_card(tmp_path) is None
    (tmp_path / "README.md").write_text(CARD.text())
    assert edited_card(tmp_path) is None
    (tmp_path / "README.md").write_text("# Model Card for Model ID\n\nby peft\n")
    assert edited_card(tmp_path) is None
    for text in (CARD.text().replace("One.", "Won."), f"{CARD.text()}\nMine.\n", "", "# Mine\n"):
        (tmp_path / "README.md").write_text(text)
        assert edited_card(tmp_path) == text


def test_a_corpus_that_ships_with_the_package_is_named() -> None:
    found = read(replace(CARD, builtin={"target": "licenses"})).data
    assert [(one.dataset_name, one.dataset_type, one.dataset_config) for one in found.eval_results[2:]] == [
        ("target (the corpus licenses of nlp-transfer)", "nlp-transfer-licenses", "target")
    ]
    assert found.datasets == ["coastalcph/lex_glue"]


def test_what_else_the_repository_holds_stands_after_its_use() -> None:
    text = read(replace(CARD, also="The folder `adapter/` too.")).text
    assert '```python\nmodel = "x"\n```\n\nThe folder `adapter/` too.\n\nA private repository' in text


def test_what_is_not_known_is_left_out() -> None:
    card = Card("clauses", None, BaseModel("an encoder"), False, summary="s", use="u", intended="i")
    assert card.text().startswith("---\nlibrary_name: transformers\ntags:\n- nlp-transfer\n---\n\n# clauses\n")
    assert "##" not in read(card).text.replace("## Use", "")


@pytest.mark.parametrize("code", ["english", "EN", ""])
def test_a_language_is_a_code(code: str) -> None:
    with pytest.raises(ConfigError, match="expected a code of two or three letters, such as en"):
        replace(CARD, language=(code,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("macro_f1", "f1"),
        ("f1", "f1"),
        ("weighted_recall", "recall"),
        ("rouge1", "rouge"),
        ("perplexity", "perplexity"),
    ],
)
def test_metrics_as_the_hub_calls_them(name: str, expected: str) -> None:
    assert metric_type(name) == expected


def test_bounds_of_an_interval_are_no_metrics() -> None:
    scores = {"rows": 24, "f1": 0.5, "f1_low": 0.4, "f1_high": 0.6, "risk_low": 0.1, "rouge1_gain_low": 0, "a_high": 1}
    assert metrics_of({**scores, "rouge1_gain_high": 0.2, "text": "x", "none": None}) == {
        "f1": 0.5,
        "risk_low": 0.1,  # a name of its own: it has no other bound
        "a_high": 1,
    }
    found = read(replace(CARD, results={"source": {"test": scores}})).data.eval_results
    assert [one.metric_name for one in found] == ["f1", "risk_low", "rouge1_gain_low", "a_high"]


def test_how_an_adapter_is_loaded() -> None:
    labels = ["für alle", 'the "rest"']
    names = [
        'id2label = {0: "für alle", 1: "the \\"rest\\""}',
        "label2id = {label: i for i, label in id2label.items()}",
    ]
    assert adapter_use("ada/x", BaseModel("w", "org/encoder"), CLASSIFIER, labels).splitlines()[-4:] == [
        *names,
        'base = AutoModelForSequenceClassification.from_pretrained("org/encoder", id2label=id2label, label2id=label2id)',
        'model = PeftModel.from_pretrained(base, "ada/x")',
    ]
    assert adapter_use("ada/x", BaseModel("my encoder"), CLASSIFIER, labels).splitlines()[-4:] == [
        *names,
        "base = AutoModelForSequenceClassification.from_pretrained(BASE, id2label=id2label, label2id=label2id)"
        "  # BASE: my encoder",
        'model = PeftModel.from_pretrained(base, "ada/x")',
    ]
    assert adapter_use("ada/x", BaseModel("w", "org/encoder"), "AutoModelForMaskedLM", labels).splitlines()[-2:] == [
        'base = AutoModelForMaskedLM.from_pretrained("org/encoder")',
        'model = PeftModel.from_pretrained(base, "ada/x")',
    ]
