"""trainer.push_to_hub() sends a model and its card, not the output folder, and asks whether it may before training."""

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from huggingface_hub import ModelCard
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError, PublishError
from nlp_transfer.methods import LoRA
from nlp_transfer.training import hub
from tests.hub_server import OWNER, READER, Hub
from tests.tiny_runs import WORDS, rows, tiny_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def dataset(encoder: Path, *, texts: bool = False) -> Dataset:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    return Dataset.from_list(
        [
            {
                **tokenizer(row["text"], return_token_type_ids=False),
                "labels": list(WORDS).index(row["label"]),
                **({"text": row["text"]} if texts else {}),
            }
            for row in rows(12)
        ]
    )


def trainer(encoder: Path, folder: Path, *, texts: bool = False, **options: Any) -> TransferTrainer:
    methods = options.pop("methods", [])
    arguments = options.pop("arguments", TransferArguments)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3)
    model.config.id2label = {0: options.pop("label", "permissive"), 1: "copyleft", 2: "public"}
    settings = {"push_to_hub": True, "max_steps": 2, "report_to": "none", "use_cpu": True, "disable_tqdm": True}
    return TransferTrainer(
        model,
        arguments(output_dir=str(folder), **{**settings, **options}),
        train_dataset=dataset(encoder, texts=texts),
        eval_dataset=dataset(encoder),
        processing_class=AutoTokenizer.from_pretrained(encoder),
        methods=methods,
    )


def test_a_model_and_its_card_go(loopback_hub: Hub, encoder: Path, tmp_path: Path) -> None:
    one = trainer(encoder, tmp_path / "clauses", save_steps=1, eval_strategy="steps", eval_steps=2, hub_token=OWNER)
    assert loopback_hub.repositories == {}  # asked, not made
    one.train()
    assert loopback_hub.repositories == {}  # checkpoints stay here
    commit = one.push_to_hub(license="mit", language="en", tags="legal", dataset_tags="org/clauses")
    assert loopback_hub.repositories["ada/clauses"].private
    assert loopback_hub.repositories["ada/clauses"].branches["main"] == commit.oid
    files = loopback_hub.files("ada/clauses")
    assert sorted(files) == [
        ".gitattributes",
        "README.md",
        "config.json",
        "manifest.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (tmp_path / "clauses" / "training_args.bin").is_file()
    card = ModelCard(files["README.md"].decode())
    assert (card.data.license, card.data.language, card.data.datasets) == ("mit", ["en"], ["org/clauses"])
    assert card.data.tags == ["nlp-transfer", "legal"]
    (loss,) = [result for result in card.data.eval_results if result.metric_name == "loss"]
    assert loss.metric_value == one.state.log_history[-2]["eval_loss"]
    assert 'AutoModelForSequenceClassification.from_pretrained("ada/clauses")' in card.text
    for name, content in files.items():
        assert str(tmp_path).encode() not in content, name
        assert str(encoder).encode() not in content, name
        assert OWNER.encode() not in content, name


def test_an_adapter(loopback_hub: Hub, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(hub.logger, "warning", said.append)
    one = trainer(encoder, tmp_path / "lora", methods=[LoRA(r=2)], hub_model_id="lab/lora")
    one.train()
    one.push_to_hub(private=False)
    assert not loopback_hub.repositories["lab/lora"].private
    files = loopback_hub.files("lab/lora")
    assert "adapter_model.safetensors" in files
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] is None
    card = ModelCard(files["README.md"].decode())
    assert (card.data.library_name, card.data.base_model) == ("peft", None)
    assert "**Method** `lora`." in card.text
    assert 'model = PeftModel.from_pretrained(base, "lab/lora")' in card.text
    assert said == [
        "Note: the adapter fits one base model alone, and that is an encoder that is not on the Hub: neither "
        "adapter_config.json nor the card can say where it lies. Whoever loads the adapter needs this very base from you. "
        "If it has a name on the Hub after all: push_to_hub(finetuned_from='OWNER/NAME')."
    ]
    one.push_to_hub(private=False, finetuned_from="org/encoder")
    assert len(said) == 1


def test_a_base_model_that_has_a_public_name(loopback_hub: Hub, encoder: Path, tmp_path: Path) -> None:
    one = trainer(encoder, tmp_path / "lora", methods=[LoRA(r=2)])
    one.train()
    one.push_to_hub(finetuned_from="org/encoder")
    files = loopback_hub.files("ada/lora")
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "org/encoder"
    card = ModelCard(files["README.md"].decode())
    assert (card.data.base_model, card.data.get("base_model_relation")) == ("org/encoder", "adapter")
    assert 'id2label = {0: "permissive", 1: "copyleft", 2: "public"}\n' in card.text
    assert (
        "It is for texts like those that it learned from. It is not for other kinds of texts or other languages, which it "
        "sorts all the same, nor for decisions about people without a person who reads the text.\n" in card.text
    )


def test_not_waiting_for_it(loopback_hub: Hub, encoder: Path, tmp_path: Path) -> None:
    one = trainer(encoder, tmp_path / "clauses", push_to_hub=False)
    future = one.push_to_hub(blocking=False, revision="draft")
    assert future.result().oid == loopback_hub.repositories["ada/clauses"].branches["draft"]


def test_a_folder_that_is_saved_is_pushed_as_in_trainer(loopback_hub: Hub, encoder: Path, tmp_path: Path) -> None:
    trainer(encoder, tmp_path / "clauses").save_model()
    assert loopback_hub.repositories["ada/clauses"].messages[-1] == "Model save"


@pytest.mark.parametrize("texts", [True, False])
def test_words_of_the_training_rows_stop_the_push(
    loopback_hub: Hub, encoder: Path, tmp_path: Path, texts: bool
) -> None:
    label = " ".join(rows(12)[3]["text"].split()[:8])
    one = trainer(encoder, tmp_path / "clauses", texts=texts, label=label)
    with pytest.raises(PublishError) as caught:
        one.push_to_hub()
    (found, *_) = caught.value.problems
    assert found.startswith("config.json, line ")
    assert "8 words that stand in the corpus: " in found
    assert loopback_hub.repositories == {}
    one.push_to_hub(check_corpus=False)
    assert "ada/clauses" in loopback_hub.repositories


@pytest.mark.parametrize("where", ["target", "evaluated"])
def test_words_of_any_row_that_it_saw_stop_the_push(
    loopback_hub: Hub, encoder: Path, tmp_path: Path, where: str
) -> None:
    text = "the tenant of this house may not keep any work there"
    one = trainer(encoder, tmp_path / "clauses", label=text)
    other = Dataset.from_list([{"input_ids": [2, 3], "text": text}])
    if where == "target":
        one.target_dataset = other
    else:
        one.eval_dataset = {"a": one.eval_dataset, "b": other}
    with pytest.raises(PublishError, match="words that stand in the corpus"):
        one.push_to_hub()


@pytest.mark.parametrize("methods", [[], [LoRA(r=2)]])
def test_a_card_that_was_edited_goes_as_it_is(
    loopback_hub: Hub, encoder: Path, tmp_path: Path, methods: list[LoRA]
) -> None:
    one = trainer(encoder, tmp_path / "clauses", methods=methods)
    one.push_to_hub()
    made = loopback_hub.files("ada/clauses")["README.md"]
    one.push_to_hub(license="mit")
    assert b"license: mit" in loopback_hub.files("ada/clauses")["README.md"]
    card = tmp_path / "clauses" / "README.md"
    card.write_bytes(made.replace(b"# clauses", b"# My clauses"))
    one.push_to_hub(license="mit")
    assert loopback_hub.files("ada/clauses")["README.md"] == made.replace(b"# clauses", b"# My clauses")
    card.write_text("for jane@law.example")
    with pytest.raises(PublishError, match="e-mail address"):
        one.push_to_hub()
    assert card.read_text() == "for jane@law.example"


def test_a_login_without_the_right_is_refused_before_training(loopback_hub: Hub, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="may only read"):
        trainer(encoder, tmp_path / "clauses", hub_token=READER)


def test_plain_arguments_push_checkpoints_by_default_and_are_refused(
    loopback_hub: Hub, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        trainer(encoder, tmp_path / "clauses", arguments=TrainingArguments)
    assert str(caught.value) == (
        "hub_strategy is 'every_save', which would publish checkpoints with optimizer states and training_args.bin. "
        "Expected end: the model is pushed once, when it is trained and scanned."
    )
    one = trainer(encoder, tmp_path / "clauses", arguments=TrainingArguments, hub_strategy="end")
    one.push_to_hub()
    assert loopback_hub.repositories["ada/clauses"].private  # also where transformers' default is public


def test_without_push_to_hub_any_strategy_is_as_it_was(encoder: Path, tmp_path: Path) -> None:
    assert TransferArguments(output_dir=str(tmp_path), hub_strategy="every_save").hub_strategy == "every_save"
    assert TransferArguments(output_dir=str(tmp_path)).hub_strategy == "end"
    assert TransferArguments(output_dir=str(tmp_path)).hub_private_repo is True


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (["en", "de"], ["en", "de"]),
        (["en_XX", "pt-BR", "pt"], ["en", "pt"]),
        ("English", None),
        (["en", "Deutsch"], None),
    ],
)
def test_a_language_never_fails_after_training(encoder, tmp_path, caplog, language, expected):
    one = trainer(encoder, tmp_path, push_to_hub=False)
    caplog.clear()
    with caplog.at_level("WARNING", logger="nlp_transfer.training.hub"):
        one.create_model_card(language=language)
    found = ModelCard.load(tmp_path / "README.md").data.language
    if expected is None:
        assert "The card leaves out the language " in caplog.text
        assert "; expected a code of two or three letters, as en." in caplog.text
    else:
        assert (found, caplog.text) == (expected, "")


def test_the_card_has_what_it_is_given(encoder: Path, tmp_path: Path) -> None:
    one = trainer(encoder, tmp_path, push_to_hub=False)
    one.evaluate()
    one.create_model_card(tasks="zero-shot-classification", dataset_tags="org/rows", dataset_args="de", tags="law")
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.pipeline_tag, data.datasets, data.tags[-1]) == ("zero-shot-classification", ["org/rows"], "law")
    assert {(one.dataset_type, one.dataset_config) for one in data.eval_results} == {("org/rows", "de")}


@pytest.mark.parametrize("private", [None, True, False])
def test_what_callbacks_publish_with_a_push_is_as_private_as_the_model(
    private: bool | None, loopback_hub: Hub, encoder: Path, tmp_path: Path
) -> None:
    seen: list[bool | None] = []

    class Space(TrainerCallback):
        def on_push_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(args.hub_private_repo)

    plain = trainer(
        encoder, tmp_path / "out", arguments=TrainingArguments, hub_private_repo=private, hub_strategy="end"
    )
    plain.add_callback(Space())
    plain.train()
    plain.push_to_hub()
    assert seen == [private is not False]
    assert plain.args.hub_private_repo is private
