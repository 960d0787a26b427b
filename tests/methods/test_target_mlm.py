"""Hidden words of target texts: the loss by hand, in every family, and what goes wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, PreTrainedModel

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import LoRA, PartialFineTuning, TargetMLM
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.masked_tokens import MASKED_LABELS
from nlp_transfer.models.heads.masked_lm import HiddenTokenHead, masked_lm_for
from tests.tiny_models import FAMILIES, MORE_FAMILIES, collate, cross_entropy, random_rows, tiny_checkpoint
from tests.tiny_pretraining import MASK, tiny_masked_lm, tiny_tokenizer

TARGET = without_labels(random_rows(9, seed=9))


def classifier(kind: str, folder: Path, *, head: bool = False) -> PreTrainedModel:
    """A classifier of a checkpoint with or without a masked-LM head."""
    if head:
        tiny_masked_lm(kind).save_pretrained(folder)
    else:
        tiny_checkpoint(kind, folder)
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3, attn_implementation="eager")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def trainer(model: Any, folder: Path, methods: list[Method], **given: Any) -> TransferTrainer:
    arguments: dict[str, Any] = {
        "output_dir": str(folder / "run"),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "max_steps": 1,
        "learning_rate": 0.1,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }
    tokenizer = given.pop("processing_class", tiny_tokenizer())
    return TransferTrainer(
        model,
        TransferArguments(**{**arguments, **given}),
        collate,
        train_dataset=random_rows(8, seed=1),
        target_dataset=TARGET,
        processing_class=tokenizer,
        methods=methods,
    )


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "deberta-v2", "modernbert", "electra"])
def test_an_update_is_that_of_the_two_losses_by_hand(kind: str, tmp_path: Path) -> None:
    model = classifier(kind, tmp_path / "model", head=True)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", num_labels=3)
    plain.load_state_dict(model.state_dict())
    for module in plain.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    guesser = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    run = trainer(model, tmp_path, [TargetMLM(weight=0.7, mask_probability=0.4)])
    seen: list[dict[str, Any]] = []
    step = run.training_step
    run.training_step = lambda model, inputs, *rest: seen.append(inputs) or step(model, inputs, *rest)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    run.train()

    (batch,) = seen
    labels = batch[MASKED_LABELS][4:]
    asked = labels != IGNORE_INDEX
    assert (batch[MASKED_LABELS][:4] == IGNORE_INDEX).all()
    assert asked.sum() > 4
    assert set(batch["input_ids"][4:][asked].tolist()) >= {MASK}
    given = {name: batch[name][4:] for name in ("input_ids", "attention_mask")}
    source = collate([run.train_dataset[i] for i in range(4)])
    answers = source.pop("labels")
    task = cross_entropy(plain.train()(**source).logits, answers).mean()
    states = plain.base_model(**given)[0]
    head = HiddenTokenHead(guesser, plain.base_model)
    guessing = functional.cross_entropy(head(states[asked]), labels[asked])
    logged = next(entry for entry in run.state.log_history if "target_mlm_loss" in entry)
    assert logged["target_mlm_loss"] == pytest.approx(guessing.item(), rel=1e-4)
    assert logged["source_loss"] == pytest.approx(task.item(), rel=1e-4)
    assert logged["loss"] == pytest.approx((task + 0.7 * guessing).item(), rel=1e-4)
    (task + 0.7 * guessing).backward()
    wanted = {name: p.grad for name, p in plain.named_parameters() if p.grad is not None}
    moved = {name: (before[name] - p) / 0.1 for name, p in model.named_parameters()}
    for name, gradient in wanted.items():
        torch.testing.assert_close(moved[name], gradient, rtol=2e-3, atol=2e-4)
    trained = dict(run.networks["target_mlm"].named_parameters())
    assert len(trained) == len(dict(head.named_parameters())) > 0


@pytest.mark.parametrize("kind", [*FAMILIES, *MORE_FAMILIES])
def test_the_head_of_a_checkpoint_gives_its_scores(kind: str, tmp_path: Path) -> None:
    whole = tiny_masked_lm(kind)
    whole.save_pretrained(tmp_path / "model")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", num_labels=3).eval()
    given = {name: value for name, value in collate(list(random_rows(3))).items() if name != "labels"}
    if kind == "longformer":  # its classifier lets the first token see all; nothing else does
        given["global_attention_mask"] = torch.zeros_like(given["input_ids"]).index_fill_(1, torch.tensor([0]), 1)
    head = HiddenTokenHead(masked_lm_for(model), model.base_model)
    with torch.no_grad():
        states = model.base_model(**given)[0]
        expected = whole(**given).logits
        real = given["attention_mask"].bool()
        torch.testing.assert_close(head(states[real]), expected[real], rtol=1e-4, atol=1e-4)
    size = model.get_input_embeddings().weight.numel()
    tied = whole.get_output_embeddings().weight is whole.get_input_embeddings().weight
    assert all(parameter.numel() < size for parameter in head.parameters()) == tied
    assert tied or kind == "eurobert"


@pytest.mark.parametrize("method", [[], [PartialFineTuning(layers=1)], [LoRA(r=4)]], ids=["full", "partial", "lora"])
def test_it_goes_with_what_decides_which_weights_move(method: list[Method], tmp_path: Path) -> None:
    model = classifier("bert", tmp_path / "model")
    run = trainer(model, tmp_path, [*method, TargetMLM(learning_rate=0.5)], max_steps=12, learning_rate=0.05)
    frozen = {name: p.detach().clone() for name, p in run.model.named_parameters() if not p.requires_grad}
    run.train()
    losses = [entry["target_mlm_loss"] for entry in run.state.log_history if "target_mlm_loss" in entry]
    assert len(losses) == 12
    assert sum(losses[-4:]) < sum(losses[:4])
    for name, parameter in run.model.named_parameters():
        assert name not in frozen or torch.equal(parameter, frozen[name])
    saved = set(run.accelerator.unwrap_model(run.model).state_dict())
    assert not any("predictions" in name for name in saved)


def test_all_target_tokens_are_seen_with_other_masks_each_time(tmp_path: Path) -> None:
    run = trainer(classifier("bert", tmp_path / "model"), tmp_path, [TargetMLM()], max_steps=5)
    seen: list[dict[str, Any]] = []
    step = run.training_step
    run.training_step = lambda model, inputs, *rest: seen.append(inputs) or step(model, inputs, *rest)
    run.train()
    rows = [tuple(row[row != IGNORE_INDEX].tolist()) for batch in seen for row in batch[MASKED_LABELS][4:]]
    assert len(rows) == 20
    assert all(rows)  # a word of every text
    assert len(set(rows[:9])) > 5
    assert rows[:9] != rows[9:18]


def test_without_a_tokenizer_or_a_mask_token(tmp_path: Path) -> None:
    model = classifier("bert", tmp_path / "model")
    with pytest.raises(ConfigError, match=r"target_mlm masks tokens and needs the tokenizer: pass processing_class"):
        trainer(model, tmp_path, [TargetMLM()], processing_class=None).train()
    tokenizer = tiny_tokenizer()
    tokenizer.mask_token = None
    with pytest.raises(ConfigError, match="target_mlm masks tokens, and the tokenizer has no mask token"):
        trainer(model, tmp_path, [TargetMLM()], processing_class=tokenizer).train()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weight", -1.0, "target_mlm.weight is -1.0; expected 0 or more."),
        ("mask_probability", 0.0, "target_mlm.mask_probability is 0.0; expected 0 < value < 1."),
        ("learning_rate", 0.0, "target_mlm.learning_rate is 0.0; expected more than 0."),
    ],
)
def test_bad_values(field: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        TargetMLM(**{field: value})
    assert error.value.problems == [message]
