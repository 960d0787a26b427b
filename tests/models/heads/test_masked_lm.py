import pytest
import torch
from torch.nn import functional

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.methods import LoRA
from nlp_transfer.models.adapters import merge
from nlp_transfer.models.heads.masked_lm import add_embeddings, inherited_pooler, load_masked_lm, score_masked_tokens
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.models.speed.unpadding import unpadded
from nlp_transfer.tasks.saved_models import save
from tests.models.speed.test_unpadding import UNPADDED
from tests.tiny_models import FAMILIES, MORE_FAMILIES, context, inputs, tiny_checkpoint, tiny_model
from tests.tiny_pretraining import tiny_masked_lm, tiny_tokenizer


def batch():
    made = {name: value for name, value in inputs().items() if name != "labels"}
    generator = torch.Generator().manual_seed(3)
    asked = (torch.rand(made["input_ids"].shape, generator=generator) < 0.3) & made["attention_mask"].bool()
    asked[:, 1] = True
    return {**made, "labels": torch.where(asked, made["input_ids"], IGNORE_INDEX)}


@pytest.mark.parametrize("kind", [*FAMILIES, *MORE_FAMILIES])
def test_loss_and_gradients_are_those_of_scores_for_every_token(kind):
    model, given = tiny_masked_lm(kind).double(), batch()
    first = torch.zeros_like(given["labels"])
    first[:, 0] = 1
    expected = model(**given, **({"global_attention_mask": first} if kind == "longformer" else {})).loss
    wanted = torch.autograd.grad(expected, list(model.parameters()), allow_unused=True)
    score_masked_tokens(model)
    found = model(**given)
    torch.testing.assert_close(found.loss, expected, rtol=1e-6, atol=0)
    got = torch.autograd.grad(found.loss, list(model.parameters()), allow_unused=True)
    for one, other in zip(got, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_only_masked_tokens_are_scored_in_training():
    model, given = tiny_masked_lm("bert"), batch()
    score_masked_tokens(model)
    scores = model.train()(**given).logits
    assert scores.shape == (1, int((given["labels"] != IGNORE_INDEX).sum()), model.config.vocab_size)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert"])
@torch.no_grad()
def test_in_evaluation_rows_are_summed_up(kind):
    model, given = tiny_masked_lm(kind), batch()
    plain = model(**given)
    score_masked_tokens(model)
    sums = model(**given).logits
    assert sums.shape == (len(given["labels"]), 3)
    for row, (loss, tokens, right) in enumerate(sums.tolist()):
        labels = given["labels"][row]
        asked = labels != IGNORE_INDEX
        scores = plain.logits[row][asked]
        assert loss == pytest.approx(functional.cross_entropy(scores, labels[asked], reduction="sum").item(), rel=1e-4)
        assert tokens == asked.sum()
        assert right == (scores.argmax(-1) == labels[asked]).sum()
    assert sums[:, 0].sum() / sums[:, 1].sum() == pytest.approx(plain.loss.item(), rel=1e-4)


def test_a_call_without_labels_scores_every_token():
    model, given = tiny_masked_lm("bert"), batch()
    del given["labels"]
    expected = model(**given).logits
    score_masked_tokens(model)
    torch.testing.assert_close(model(**given).logits, expected)


@pytest.mark.parametrize("kind", UNPADDED)
def test_padding_is_left_out_of_the_layers(kind):
    model, given = tiny_masked_lm(kind).double(), batch()
    score_masked_tokens(model)
    expected = model(**given)
    with unpadded(model) as reason:
        assert reason is None
        found = model(**given)
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-6, atol=1e-6)


def load(folder):
    return load_masked_lm(ModelReference(str(folder)))


def test_an_encoder_without_a_head_gets_one_tied_to_its_embeddings(tmp_path):
    loaded = load(tiny_checkpoint("bert", tmp_path))
    assert set(loaded.new_parameters) == {
        f"cls.predictions.transform.{name}"
        for name in ("dense.weight", "dense.bias", "LayerNorm.weight", "LayerNorm.bias")
    }
    assert loaded.model.get_output_embeddings().weight is loaded.model.get_input_embeddings().weight
    assert loaded.notes[0].startswith("The checkpoint has no head for masked-language modelling")


@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_the_pooler_that_a_classifier_reads_is_passed_on(kind, tmp_path):
    """transformers leaves it out of a masked-language model, whose folder would give a classifier a random one."""
    classifier = tiny_model(kind)
    classifier.save_pretrained(tmp_path / "first")
    weights = {name: w for name, w in classifier.state_dict().items() if ".pooler" in name}
    assert len(weights) == 2
    model = load(tmp_path / "first").model
    assert not any("pooler" in name for name in model.state_dict())
    save(model, tiny_tokenizer(), tmp_path / "second", record={}, cut_at=None)
    save(load(tmp_path / "second").model, tiny_tokenizer(), tmp_path / "third", record={}, cut_at=None)
    found = load_encoder_with_head(ModelReference(str(tmp_path / "third")), label_names=["a", "b", "c"])
    assert not any("pooler" in name for name in found.new_parameters)
    for name, weight in weights.items():
        torch.testing.assert_close(found.model.state_dict()[name], weight, rtol=0, atol=0)


def test_a_merged_adapter_leaves_the_pooler_to_be_passed_on(tmp_path):
    tiny_model("bert").save_pretrained(tmp_path)
    loaded = load(tmp_path)
    adapted = LoRA(r=4).prepare(loaded.model, context(new_parameters=loaded.new_parameters))
    assert set(inherited_pooler(merge(adapted))) == {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}


def test_a_pooler_that_the_checkpoint_lacks_is_not_invented(tmp_path):
    tiny_masked_lm("bert").save_pretrained(tmp_path)
    assert inherited_pooler(load(tmp_path).model) == {}


def test_a_head_that_is_there_is_kept(tmp_path):
    model = tiny_masked_lm("bert")
    model.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert loaded.new_parameters == ()
    assert loaded.notes == ()
    torch.testing.assert_close(
        loaded.model.cls.predictions.transform.dense.weight, model.cls.predictions.transform.dense.weight
    )


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "modernbert", "electra", "albert"])
def test_new_words_begin_as_the_mean_of_their_pieces(kind):
    model = tiny_masked_lm(kind)
    before = model.get_input_embeddings().weight.clone()
    add_embeddings(model, {100: [7, 9], 101: [8]})
    weight = model.get_input_embeddings().weight
    assert weight.shape[0] == model.config.vocab_size == model.get_output_embeddings().weight.shape[0] == 102
    torch.testing.assert_close(weight[:100], before)
    torch.testing.assert_close(weight[100], (before[7] + before[9]) / 2)
    torch.testing.assert_close(weight[101], before[8])
    assert model.get_output_embeddings().weight is weight
    assert model(input_ids=torch.tensor([[2, 100, 101, 3]])).logits.shape == (1, 4, 102)
    add_embeddings(model, {})
    assert model.config.vocab_size == 102


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "modernbert", "deberta-v2", "electra"])
def test_lora_trains_the_new_head_and_merges_into_a_plain_model(kind, tmp_path):
    loaded = load(tiny_checkpoint(kind, tmp_path / "encoder"))
    given = batch()
    adapted = LoRA(r=4).prepare(loaded.model, context(new_parameters=loaded.new_parameters))
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    for name in loaded.new_parameters:
        assert any(name.rpartition(".")[0] in one and name.endswith(one.rpartition(".")[2]) for one in trained), name
    optimizer = torch.optim.SGD([p for p in adapted.parameters() if p.requires_grad], lr=0.1)
    adapted.train()
    adapted(**given).loss.backward()
    optimizer.step()
    adapted.eval()
    expected = adapted(**given).logits
    merged = merge(adapted)
    merged.save_pretrained(tmp_path / "merged")
    again = load(tmp_path / "merged")
    assert again.new_parameters == ()
    torch.testing.assert_close(again.model.eval()(**given).logits, expected, rtol=1e-4, atol=1e-4)
