"""Domain-adaptive pretraining from end to end, and what later runs make of it."""

import json
import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertModel, pipeline

from nlp_transfer import CorpusConfig, load_corpus, run
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.runner import UNTRAINED_BASELINE
from nlp_transfer.tasks import MaskedLanguageModeling
from nlp_transfer.training.setup import load_data, load_model
from tests.logged import logged
from tests.reporting.sections.reports import finding
from tests.tiny_models import tiny_config
from tests.tiny_runs import rows, run_tree, save_tokenizer, tiny_encoder, train_on_two_processes, write_corpus

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"), sizes=(96, 24, 24))


def tree(encoder, corpus, output, *, task=None, **training):
    made = run_tree(encoder, corpus, output, metric_for_best_model="loss", **training)
    made["task"] = {"name": "masked_language_modeling", "max_length": 32, **(task or {})}
    return made


@pytest.fixture(scope="module")
def finished(encoder, corpus, tmp_path_factory):
    """A run whose target is a file of other texts without labels."""
    folder = tmp_path_factory.mktemp("pretraining")
    target = folder / "target.jsonl"
    target.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows(20, seed=9)))
    config = {**tree(encoder, corpus, folder / "run", num_train_epochs=15), "target": {"path": str(target)}}
    return run(load_config(tree=config)), folder / "run"


def test_perplexity_falls_on_held_out_text_of_both_domains(finished):
    report, _ = finished
    for domain, split in (("source", "test"), ("target", "unlabeled")):
        after, before = report.metrics[domain][split], report.baselines[UNTRAINED_BASELINE][domain][split]
        assert after["masked_tokens"] == before["masked_tokens"] > 20
        assert 1 < after["perplexity"] < 18 < 30 < before["perplexity"]  # 25 words in all, fillers as good as random
        assert after["token_accuracy"] > before["token_accuracy"]
        difference = after["perplexity"] - before["perplexity"]
        assert before["perplexity_gain_low"] < difference < before["perplexity_gain_high"] < 0


def test_what_such_a_run_leaves(finished):
    report, folder = finished
    assert {path.name for path in folder.iterdir()} == {
        *(
            "baselines.json",
            "checkpoints",
            "config.yaml",
            "report.json",
            "log.jsonl",
            "metrics.json",
            "model",
            "report.md",
            "report.html",
            "run.json",
        )
    }
    written = (folder / "report.md").read_text()
    after, before = (
        f"{scores['perplexity']:.2f}"
        for scores in (
            report.metrics["target"]["unlabeled"],
            report.baselines[UNTRAINED_BASELINE]["target"]["unlabeled"],
        )
    )
    assert f"masked tokens of target unlabeled the model's perplexity is {after} (95 % interval " in written
    assert f"; {before} before training (95 % interval of the difference -" in written
    assert (
        "\n- The checkpoint has no head for masked-language modelling: a new one is tied to the embeddings." in written
    )
    assert 'pipeline("fill-mask", model=' in written


def test_plain_transformers_has_the_reported_loss(finished, corpus):
    report, folder = finished
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = AutoModelForMaskedLM.from_pretrained(folder / "model").eval()
    task = MaskedLanguageModeling(max_length=32).fit(load_corpus(CorpusConfig(path=str(corpus)), labeled=False))
    held_out = task.encode(load_corpus(CorpusConfig(path=str(corpus)), labeled=False), tokenizer)["test"]
    batch = task.collator(tokenizer, seed=3)([held_out[i] for i in range(len(held_out))])
    with torch.no_grad():
        loss = model(**batch).loss.item()
    assert loss == pytest.approx(report.metrics["source"]["test"]["loss"], rel=1e-4)
    guess = pipeline("fill-mask", model=str(folder / "model"))
    assert len(guess("waive domain [MASK] rights")) == 5


def test_its_model_is_the_model_of_a_later_run(finished, corpus, tmp_path):
    _, folder = finished
    config = load_config(tree=run_tree(folder / "model", corpus, tmp_path / "later", num_train_epochs=4))
    _, task, _, _ = load_data(config)
    start = load_model(config, task)
    learned = AutoModelForMaskedLM.from_pretrained(folder / "model").base_model.state_dict()
    begun = start.model.base_model.state_dict()
    for name, weight in learned.items():
        torch.testing.assert_close(begun[name], weight)
    assert set(start.new_parameters) == {"classifier.weight", "classifier.bias"}  # the pooler came along
    assert run(config).metrics["source"]["test"]["macro_f1"] > 0.9


def test_labels_do_not_matter_and_rows_without_any_are_learned_from_too(encoder, corpus, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        lines = [json.loads(line) for line in (corpus / f"{split}.jsonl").read_text().splitlines()]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in lines))
    (folder / "unlabeled.jsonl").write_text("".join(json.dumps({"text": r["text"]}) + "\n" for r in rows(12, seed=7)))
    with logged() as said:
        report = run(load_config(tree=tree(encoder, folder, tmp_path / "run", num_train_epochs=1)))
    assert report.corpora["source"].rows["train"] == 108
    assert "The 12 rows of the split unlabeled are training rows here, which takes no labels." in "\n".join(said)


def test_several_sources_have_their_shares_and_perplexities(encoder, corpus, tmp_path):
    other = write_corpus(tmp_path / "other", sizes=(12, 12, 12))
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=1, source_weights=[1, 3])
    config = load_config(tree={**made, "source": [{"path": str(corpus)}, {"path": str(other)}]})
    report = run(config)
    names = corpus.name, "other"
    assert report.facts["rows of each source"] == {
        names[0]: "96 training rows, 0.250 of what an epoch draws",
        names[1]: "12 training rows, 0.750 of what an epoch draws",
    }
    found = finding(report, "perplexity by source")
    assert [f"test {found[name].split(', test ')[1].split(' ')[1]}" for name in names] == ["test (24", "test (12"]
    each = [math.log(float(found[name].split(", test ")[1].split(" ")[0])) for name in names]
    assert min(each) < report.metrics["source"]["test"]["loss"] < max(each)


def test_one_file_is_split_for_it(encoder, tmp_path):
    file = tmp_path / "texts.txt.jsonl"
    file.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows(60)))
    report = run(load_config(tree=tree(encoder, file, tmp_path / "run", num_train_epochs=1)))
    assert set(report.corpora["source"].rows) == {"train", "validation", "test"}
    assert sum(report.corpora["source"].rows.values()) == 60


def test_lora_leaves_a_plain_merged_model(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", num_train_epochs=3)
    report = run(load_config(tree={**made, "methods": [{"name": "lora", "r": 4}]}))
    scores, before = report.metrics["source"]["test"], report.baselines[UNTRAINED_BASELINE]["source"]["test"]
    assert scores["perplexity"] < 0.9 * before["perplexity"]
    guess = pipeline("fill-mask", model=str(tmp_path / "run" / "model"))
    assert len(guess("waive domain [MASK] rights")) == 5


def wordpiece_encoder(folder):
    """An encoder that knows letters only, so that every word is broken up."""
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = special + list(letters) + [f"##{letter}" for letter in letters]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    save_tokenizer(made, folder)
    torch.manual_seed(0)
    BertModel(tiny_config("bert")).save_pretrained(folder)
    return folder


def test_num_new_tokens_stay_in_step_through_a_later_run(corpus, tmp_path):
    encoder = wordpiece_encoder(tmp_path / "encoder")
    known = len(AutoTokenizer.from_pretrained(encoder))
    made = tree(encoder, corpus, tmp_path / "run", task={"max_length": 64, "num_new_tokens": 6, "min_frequency": 2})
    report = run(load_config(tree=made))
    assert report.facts["new words"].startswith("6: ")
    words = report.facts["new words"].removeprefix("6: ").split(", ")
    saved = report.facts["tokens saved by new words"]
    assert saved.endswith(" per 1,000 words of training text")
    assert 100 < int(saved.split(" of ")[0].replace(",", "")) < int(saved.split(" ")[2].replace(",", ""))
    later = run_tree(tmp_path / "run" / "model", corpus, tmp_path / "later")
    run(load_config(tree=later))
    for name in ("run", "later"):
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / name / "model")
        assert len(tokenizer) == known + 6
        assert [tokenizer.tokenize(word) for word in words] == [[word] for word in words]
        model = BertModel.from_pretrained(tmp_path / name / "model")
        assert model.get_input_embeddings().num_embeddings == max(tiny_config("bert").vocab_size, known + 6)


def test_a_corpus_without_num_new_tokens(corpus, tmp_path):
    encoder = wordpiece_encoder(tmp_path / "encoder")
    made = tree(encoder, corpus, tmp_path / "run", task={"max_length": 64, "num_new_tokens": 6, "min_frequency": 9_000})
    report = run(load_config(tree=made))
    assert report.facts["new words"] == "none: no word of several pieces comes 9,000 times"


def test_an_interrupted_run_goes_on_to_the_same_end(encoder, corpus, tmp_path, monkeypatch):
    from nlp_transfer import TransferTrainer

    whole = run(load_config(tree=tree(encoder, corpus, tmp_path / "whole")))
    step = TransferTrainer.training_step

    def interrupt(trainer, *args, **kwargs):
        if trainer.state.global_step == 14:  # in the second epoch
            raise KeyboardInterrupt
        return step(trainer, *args, **kwargs)

    made = load_config(tree=tree(encoder, corpus, tmp_path / "cut"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TransferTrainer, "training_step", interrupt)
        run(made)
    resumed = run(made, resume=True)
    assert resumed.metrics == whole.metrics
    for name, weight in AutoModelForMaskedLM.from_pretrained(tmp_path / "whole" / "model").state_dict().items():
        again = AutoModelForMaskedLM.from_pretrained(tmp_path / "cut" / "model").state_dict()[name]
        torch.testing.assert_close(weight, again, rtol=0, atol=0)


def test_two_processes_score_what_one_scores(encoder, corpus, tmp_path):
    """The same rows, masks and updates: only the order of summing differs."""
    training = {"train_sampling_strategy": "sequential", "num_train_epochs": 1, "learning_rate": 1e-3}
    one = run(load_config(tree=tree(encoder, corpus, tmp_path / "one", **training)))
    training["per_device_train_batch_size"] = 4
    done = train_on_two_processes(tree(encoder, corpus, tmp_path / "two", **training), tmp_path)
    two = json.loads((tmp_path / "two" / "metrics.json").read_text())["source"]["test"]
    expected = one.metrics["source"]["test"]
    assert two["masked_tokens"] == expected["masked_tokens"]
    assert "before training" in done.stdout


def test_a_dry_run_shows_what_is_to_be_guessed(encoder, corpus, tmp_path):
    shown = dry_run(load_config(tree=tree(encoder, corpus, tmp_path / "run")))
    assert shown.count("  guess: ") == 10
    assert "[MASK]" in shown
    assert not (tmp_path / "run").exists()


def test_it_is_estimated_like_any_run(encoder, corpus, tmp_path):
    found = estimate(load_config(tree=tree(encoder, corpus, tmp_path / "run")))
    assert found.rows == 96
    assert found.epochs == 2
    assert set(found.seconds) >= {"Preparing", "Training", "Final scoring"}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"methods": [{"name": "frozen_encoder"}]},
            "methods: frozen_encoder does not go with masked_language_modeling. Methods for it: "
            "full_fine_tuning, lora.",
        ),
        ({"prior_correction": True}, "prior_correction is for classes of texts; masked_language_modeling has none."),
        ({"training": {"metric_for_best_model": "macro_f1"}}, "training.metric_for_best_model: "),
        ({"task": {"mask_probability": 1.5}}, r"task.mask_probability is 1.5; expected 0 < value < 1."),
        ({"task": {"num_new_tokens": -1}}, "task.num_new_tokens is -1; expected 0 or more."),
        ({"task": {"min_frequency": 0}}, "task.min_frequency is 0; expected 1 or more."),
    ],
)
def test_what_does_not_go_with_it_is_refused(encoder, corpus, tmp_path, change, message):
    made = tree(encoder, corpus, tmp_path / "run")
    for key, value in change.items():
        made[key] = {**made[key], **value} if isinstance(value, dict) else value
    with pytest.raises(ConfigError) as error:
        load_config(tree=made)
    assert message in str(error.value)


def test_a_tokenizer_without_a_mask_is_refused(encoder, corpus, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    made = {**tree(encoder, corpus, tmp_path / "run"), "tokenizer": str(tmp_path / "tokenizer")}
    with pytest.raises(ConfigError, match="needs a tokenizer with a mask token; this one has none"):
        run(load_config(tree=made))
