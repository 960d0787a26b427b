"""What every method promises, on several families: it prepares, trains what it says, and what it saves reloads."""

import copy
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, final

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForSequenceClassification

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.alignment import AlignmentMethod, Features, Network, Shapes, Term
from nlp_transfer.methods.base import Change, Method, Needs, check_all, prepare_all
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.outputs import Output
from tests.methods.adapting import side, term_of
from tests.tiny_models import collate, context, inputs, logits, random_rows, tiny_config, tiny_model

QUERIES = r".*\.(query|query_proj|q_lin|Wqkv)"
"""The linear layers that make queries, in each of the families under contract."""

CONFIGURED: dict[str, list[dict[str, Any]]] = {
    "full_fine_tuning": [{}, {"layer_decay": 0.5}, {"head_learning_rate": 0.01}],
    "partial_fine_tuning": [
        {"layers": 1},
        {"layers": 0},
        {"layers": 1, "gradual_unfreezing": True, "layer_decay": 0.9},
    ],
    "lora": [
        {"r": 4},
        {"r": 2, "layers": 1},
        {"r": 2, "alpha": 3, "use_dora": True, "use_rslora": True, "learning_rate": 1e-2},
    ],
    "peft": [
        {"peft_type": "LOHA", "settings": {"r": 2, "alpha": 4, "target_modules": QUERIES}},
        {"peft_type": "PROMPT_TUNING", "settings": {"num_virtual_tokens": 3}},
    ],
    "frozen_encoder": [{}, {"losses": ["squared_hinge"]}, {"layers": [1, 2], "pooling": ["cls"], "l2": [1.0]}],
    "lp_ft": [{}, {"trained_layers": 1, "losses": ["squared_hinge"]}],
    "prototypes": [{}, {"layers": [1, 2], "pooling": ["cls"]}],
    "contrastive": [{"steps": 2}, {"steps": 1, "texts_per_step": 6, "pooling": ["cls"], "l2": [1.0]}],
    "few_shot": [{"candidates": ["prototypes", "frozen_encoder"], "repeats": 2}],
    "adapt": [{"weight": 0.5}],
    "dann": [{"weight": 1.0, "hidden_size": 8}],
    "cdan": [{"weight": 1.0, "entropy_conditioning": False}],
    "mmd": [{}],
    "coral": [{"weight": 10.0}],
    "mcc": [{"weight": 0.5}],
    "target_mlm": [{"weight": 0.5}],
    "mean_teacher": [{"weight": 0.5, "decay": 0.9}],
    "self_training": [{"weight": 0.5, "first_share": 0.3}, {"label_shift": True}],
    "source_free": [{"weight": 0.5}],
    "joint": [{"source_weight_start": 0.7, "source_weight_end": 0.1}],
}
CASES = [(name, config) for name, configs in CONFIGURED.items() for config in configs]
CONTRACT_FAMILIES = ["bert", "distilbert", "albert", "deberta-v2", "modernbert"]


def test_every_method_is_under_contract() -> None:
    assert set(CONFIGURED) == set(METHODS)


@pytest.mark.parametrize(("name", "config"), CASES)
def test_config_round_trip(name: str, config: dict[str, Any]) -> None:
    method = METHODS[name](**config)
    assert method.name == name
    assert METHODS[name](**dataclasses.asdict(method)) == method
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.name = "other"
    with pytest.raises(ConfigError, match=f"^{name}: Unknown argument 'no_such_field'"):
        METHODS[name](no_such_field=1)


@pytest.mark.parametrize("name", METHODS)
def test_the_citation_is_the_reference_of_the_module(name: str) -> None:
    text = " ".join((sys.modules[METHODS[name].__module__].__doc__ or "").split())
    assert METHODS[name].citation.count("https://") >= 1
    assert text.endswith(f"Reference: {METHODS[name].citation}")


@pytest.mark.parametrize("family", CONTRACT_FAMILIES)
@pytest.mark.parametrize(("name", "config"), CASES)
def test_contract(name: str, config: dict[str, Any], family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    plain_config = copy.deepcopy(model.config)
    model.save_pretrained(tmp_path / "base")
    method = METHODS[name](**config)
    prepared = method.prepare(model, context())

    assert isinstance(prepared, nn.Module)
    assert logits(prepared).shape == (6, 3)
    trainable, total = count_parameters(prepared)
    assert 0 < trainable <= total

    before = {key: parameter.detach().clone() for key, parameter in prepared.named_parameters()}
    free = {key for key, parameter in prepared.named_parameters() if parameter.requires_grad}
    check_parameter_groups(method, prepared, free)
    if method.trains:
        two_steps(prepared)
        after = dict(prepared.named_parameters())
        assert set(after) == set(before)
        for key, old in before.items():
            if key not in free:
                assert torch.equal(after[key], old), f"{key} is frozen and moved"
        assert any(not torch.equal(after[key], before[key]) for key in free)
    check_reload(prepared, plain_config, tmp_path)


@pytest.mark.parametrize("family", CONTRACT_FAMILIES)
@pytest.mark.parametrize(("name", "config"), CASES)
def test_a_check_changes_nothing(name: str, config: dict[str, Any], family: str) -> None:
    model = tiny_model(family)
    for parameter in list(model.parameters())[::3]:
        parameter.requires_grad_(False)
    before = {key: (p, p.detach().clone(), p.requires_grad) for key, p in model.named_parameters()}
    settings, random = copy.deepcopy(model.config.to_dict()), torch.get_rng_state()
    assert METHODS[name](**config).check(model) is None
    after = dict(model.named_parameters())
    assert set(after) == set(before)
    for key, (parameter, values, free) in before.items():
        assert after[key] is parameter
        assert torch.equal(parameter, values)
        assert parameter.requires_grad == free
    assert model.config.to_dict() == settings
    assert not model.training
    assert torch.equal(torch.get_rng_state(), random)


def check_parameter_groups(method: Method, model: nn.Module, free: set[str]) -> None:
    seen: set[str] = set()
    for names, rate in method.parameter_groups(model, 1e-3):
        assert rate > 0
        assert names
        assert set(names) <= free
        assert not seen & set(names)
        seen |= set(names)


def two_steps(model: nn.Module) -> None:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    for _ in range(2):
        optimizer.zero_grad()
        model(**inputs()).loss.backward()
        # Every free parameter gets a gradient: DistributedDataParallel fails where one does not.
        assert [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None] == []
        optimizer.step()


def check_reload(model: nn.Module, plain_config: Any, folder: Path) -> None:
    expected = logits(model)
    model.save_pretrained(folder / "saved")
    if isinstance(model, PeftModel):
        base = AutoModelForSequenceClassification.from_pretrained(folder / "base", config=plain_config)
        loaded = PeftModel.from_pretrained(base, folder / "saved")
    else:
        loaded = AutoModelForSequenceClassification.from_pretrained(folder / "saved")
    torch.testing.assert_close(logits(loaded), expected, atol=1e-6, rtol=1e-6)


ADAPTING = [name for name in CONFIGURED if METHODS[name].needs.target_text]
MASKING = [name for name in ADAPTING if Change.TARGET_TOKENS in METHODS[name].changes]


@pytest.mark.parametrize("name", MASKING)
def test_a_method_that_hides_words_of_the_target_stands_alone(name: str) -> None:
    method = METHODS[name](**CONFIGURED[name][0])
    assert Change.TRAINABLE_WEIGHTS not in method.changes
    assert method.term(*(side(torch.randn(4, 5)) for _ in range(2)), 0.5, None) is None
    assert method.extension() is not None
    message = f"methods: {name} masks tokens of target texts, which dann would read. Take one."
    with pytest.raises(ConfigError) as error:
        check_all([method, METHODS["dann"]()], tiny_model("bert"))
    assert error.value.problems == [message]


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("name", [name for name in ADAPTING if name not in MASKING])
def test_what_a_method_for_a_target_promises(name: str, multi_label: bool) -> None:
    """Its term is a finite scalar that moves with both domains, or with the target's losses; its network trains."""
    method = METHODS[name](**CONFIGURED[name][0])
    assert Change.TRAINABLE_WEIGHTS not in method.changes
    assert method.trains
    values = {"multi_label": multi_label}
    source = side(torch.randn(8, 5), **values)
    target = side(torch.randn(8, 5) + 1, teacher=torch.randn(8, 3), **values)
    if method.needs.target_labels:
        target = dataclasses.replace(target, losses=target.logits.square().sum(-1))
    elif Change.TARGET_LABELS in method.changes:
        if method.needs.source:
            assert method.term(source, target, 0.5, None) is None
        known = torch.arange(8) < 3
        target = dataclasses.replace(target, losses=target.logits.square().sum(-1) * known, labelled=known)
    term, network = term_of(method, source, target)
    assert term.value.shape == ()
    assert bool(torch.isfinite(term.value))
    assert term.weight >= 0
    if Output.POOLED not in method.needs.outputs or not method.needs.source:
        assert torch.autograd.grad(term.value, target.logits, retain_graph=True)[0].abs().max() > 0
    else:
        for gradient in torch.autograd.grad(term.value, (source.pooled, target.pooled), retain_graph=True):
            assert gradient.abs().max() > 0
    for parameter in network.parameters() if network is not None else ():
        assert torch.autograd.grad(term.value, parameter, retain_graph=True)[0].abs().max() > 0
    assert 0 <= term.source_weight <= 1


@pytest.mark.parametrize("name", [name for name in CONFIGURED if name not in ADAPTING])
def test_a_method_without_a_target_has_no_term_and_chooses_the_weights(name: str) -> None:
    method = METHODS[name](**CONFIGURED[name][0])
    assert not isinstance(method, AlignmentMethod)
    assert method.changes == {Change.TRAINABLE_WEIGHTS}


@pytest.mark.parametrize("name", ["frozen_encoder", "lp_ft", "prototypes", "contrastive"])
def test_multi_label(name: str) -> None:
    def loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(scores, labels, reduction="none").mean(-1)

    def score(scores: torch.Tensor, labels: torch.Tensor) -> float:
        return ((scores > 0) == labels.bool()).float().mean().item()

    rows = {
        "train": random_rows(30, num_labels=4, multi_label=True, seed=1),
        "validation": random_rows(20, num_labels=4, multi_label=True, seed=2),
    }
    model = tiny_model("roberta", num_labels=4, multi_label=True)
    config = CONFIGURED[name][0]
    prepared = METHODS[name](**config).prepare(model, context(**rows, loss=loss, score=score))
    assert logits(prepared).shape == (6, 4)


class TestComposition:
    def test_a_model_is_checked_for_all_methods_at_once_and_before_each_is_prepared(self) -> None:
        model, methods = tiny_model("bert"), [METHODS["partial_fine_tuning"](layers=9), METHODS["lp_ft"](layers=[7])]
        with pytest.raises(ConfigError) as caught:
            check_all(methods, model)
        assert caught.value.problems == [
            "methods: lp_ft and partial_fine_tuning each choose the trainable weights; only one of them can be in a run.",
            "partial_fine_tuning.layers is 9, but this bert encoder has 3 layers. Set it to 3 or less.",
            "lp_ft.layers holds 7; this bert encoder can be read at 1 to 3.",
        ]
        with pytest.raises(ConfigError, match=r"partial_fine_tuning\.layers is 9"):
            prepare_all(methods[:1], model, context())
        assert all(parameter.requires_grad for parameter in model.parameters())

    def test_partial_then_lora_adapts_the_top_layer_only(self) -> None:
        model = METHODS["partial_fine_tuning"](layers=1).prepare(tiny_model("bert"), context())
        adapted = METHODS["lora"](r=2).prepare(model, context())
        free = [name for name, p in adapted.named_parameters() if p.requires_grad and ".lora_" in name]
        assert free
        assert all(".encoder.layer.2." in name for name in free)

    def test_lp_ft_then_lora_starts_from_the_probe(self) -> None:
        model = METHODS["lp_ft"]().prepare(tiny_model("bert"), context())
        probe = model.classifier.weight.detach().clone()
        adapted = METHODS["lora"](r=2).prepare(model, context())
        saved = adapted.base_model.model.classifier.modules_to_save["default"].weight
        assert torch.equal(saved, probe)

    @pytest.mark.parametrize(
        "name", ["full_fine_tuning", "partial_fine_tuning", "frozen_encoder", "lp_ft", "contrastive"]
    )
    def test_methods_for_the_encoders_own_weights_refuse_an_adapter(self, name: str) -> None:
        adapted = METHODS["lora"](r=2).prepare(tiny_model("bert"), context())
        with pytest.raises(
            ConfigError, match=f"{name} decides which of the encoder's own weights move, but the model has an adapter"
        ):
            METHODS[name]().check(adapted)

    def test_two_adapters(self) -> None:
        adapted = METHODS["lora"](r=2).prepare(tiny_model("bert"), context())
        with pytest.raises(ConfigError, match="has an adapter already"):
            METHODS["lora"](r=2).check(adapted)

    def test_lora_after_frozen_encoder(self) -> None:
        model = METHODS["frozen_encoder"]().prepare(tiny_model("bert"), context())
        with pytest.raises(ConfigError, match="Every layer of the encoder is frozen"):
            METHODS["lora"](r=2).check(model)


def test_the_table_is_cheap_to_import() -> None:
    import subprocess

    code = "import sys, nlp_transfer.methods; print(sorted({'torch', 'peft', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["full_fine_tuning", "partial_fine_tuning", "frozen_encoder", "lp_ft", "contrastive"])
def test_unknown_family(name: str) -> None:
    model = tiny_model("bert")
    model.config = copy.deepcopy(tiny_config("bert"))
    model.config.model_type = "gpt2"
    with pytest.raises(
        ConfigError, match=r"Model type 'gpt2' is not an encoder family known here. Families: bert, roberta"
    ):
        METHODS[name]().check(model)


@final
@dataclasses.dataclass(frozen=True)
class HeadOnly(Method):
    """Train the head only, at a rate of its own.

    Args:
        rate: the learning rate of the head.
    """

    name: ClassVar[str] = "head_only"
    citation: ClassVar[str] = "None (2026), https://example.org"
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.HEAD}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})

    rate: float = 0.5

    def prepare(self, model: Any, context: Any) -> nn.Module:
        model.base_model.requires_grad_(False)
        prepared: nn.Module = model
        return prepared

    def parameter_groups(self, model: nn.Module, learning_rate: float) -> Iterator[tuple[list[str], float]]:
        yield [name for name, parameter in model.named_parameters() if parameter.requires_grad], self.rate


@final
@dataclasses.dataclass(frozen=True)
class MeanDistance(AlignmentMethod):
    """Align the means of features.

    Args:
        weight: the factor of the distance.
    """

    name: ClassVar[str] = "mean_distance"
    citation: ClassVar[str] = "Tzeng et al. (2014), https://arxiv.org/abs/1412.3474"

    weight: float = 1.0

    def network(self, shapes: Shapes) -> Network:
        return Network(nn.Linear(shapes.hidden, 2), 0.25)

    def term(self, source: Features, target: Features, progress: float, network: nn.Module | None) -> Term:
        assert network is not None
        apart = network(source.pooled.mean(0)) - network(target.pooled.mean(0))
        return Term(apart.square().sum(), self.weight, logged={"progress": progress})


def test_a_method_is_one_class_and_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its name in METHODS is all that configuration, checks, trainer and log need."""
    for method in (HeadOnly, MeanDistance):
        monkeypatch.setitem(METHODS, method.name, method)
    source, target = tmp_path / "source.jsonl", tmp_path / "target.jsonl"
    for path in (source, target):
        path.write_text('{"text": "a text", "label": "a"}\n')
    tree = {
        "model": str(tmp_path),
        "source": {"path": str(source)},
        "target": {"path": str(target)},
        "methods": [{"name": "head_only", "rate": 0.125}, "mean_distance"],
        "training": {"output_dir": str(tmp_path / "run")},
    }
    experiment = load_config(tree=tree, overrides=[("methods.mean_distance.weight", 2.0)])
    assert experiment.methods == (HeadOnly(rate=0.125), MeanDistance(weight=2.0))
    with pytest.raises(ConfigError, match=r"mean_distance needs text of a target domain, and there is none"):
        load_config(tree={**tree, "target": None})
    with pytest.raises(
        ConfigError, match=r"head_only does not go with masked_language_modeling\. Methods for it: full"
    ):
        load_config(tree={**tree, "methods": ["head_only"], "task": "masked_language_modeling"})
    with pytest.raises(ConfigError, match="head_only and lora each choose the trainable weights"):
        load_config(tree={**tree, "methods": ["head_only", "lora"]})

    arguments = TransferArguments(
        output_dir=str(tmp_path / "run"),
        use_cpu=True,
        max_steps=4,
        per_device_train_batch_size=4,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = TransferTrainer(
        tiny_model("bert"),
        arguments,
        collate,
        train_dataset=random_rows(12, seed=1),
        target_dataset=random_rows(8, seed=2).remove_columns("labels"),
        methods=experiment.methods,
    )
    model: Any = trainer.model
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    trainer.train()
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {"classifier.weight", "classifier.bias"}
    assert {0.125, 0.25} == {group["initial_lr"] for group in trainer.optimizer.param_groups if group["params"]}
    assert {"source_loss", "mean_distance_loss", "mean_distance_progress"} <= set(trainer.state.log_history[0])
