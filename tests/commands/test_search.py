"""Searches over values, of an experiment and of trainers: who is chosen, how they are resumed, what is refused."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from nlp_transfer import TransferTrainer, run, search
from nlp_transfer.commands import search as search_module
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.commands.search import score_of
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, TrainingError
from nlp_transfer.methods import CORAL, DANN, FrozenEncoder, LoRA, PartialFineTuning
from nlp_transfer.reporting.run_folder import CANDIDATES
from nlp_transfer.tasks import saved_models
from tests.logged import logged
from tests.reporting.sections.reports import finding
from tests.tiny_models import collate_with_labels_or_without, tiny_model
from tests.tiny_recipes import TARGET, TRAIN, VALIDATION, arguments, by_hand, make_trainer, same_weights
from tests.tiny_runs import rows, run_tree, train_on_two_processes, write_corpus

ROOT = Path(__file__).parents[2]


def tree(encoder, corpus, output, search, **training):
    return {**run_tree(encoder, corpus, output, **training), "search": search}


def weights(folder):
    return torch.cat([p.detach().flatten() for p in saved_models.load(folder).model.parameters()])


def test_the_best_candidate_by_validation_is_the_run(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-5, 5e-3]}, num_train_epochs=6)
    with logged() as said:
        report = run(load_config(tree=made))
    folder = tmp_path / "run"
    scores = [score_of(folder / CANDIDATES / str(i), "macro_f1", greater=True) for i in range(2)]
    assert scores[0] < scores[1]
    assert report.metrics["source"]["validation"]["macro_f1"] == pytest.approx(scores[1])
    assert report.search.chosen == "training.learning_rate 0.005"
    assert report.search.metric == "macro_f1"
    assert report.search.scores["training.learning_rate 1e-05"] == scores[0]
    assert f"Candidate 1 of 2, training.learning_rate 1e-05: macro_f1 {scores[0]:.4f}." in said
    assert "Chosen by macro_f1: training.learning_rate 0.005." in said
    alone = run_tree(encoder, corpus, tmp_path / "alone", learning_rate=5e-3, num_train_epochs=6)
    assert run(load_config(tree=alone)).metrics == report.metrics
    assert torch.equal(weights(tmp_path / "alone"), weights(folder))
    assert not (folder / CANDIDATES / "1" / "checkpoints").exists()  # the run went on from them
    assert "- chosen by macro_f1: training.learning" in (folder / "report.md").read_text()
    assert run(load_config(tree=made), resume=True) == report


def test_a_run_interrupted_between_candidates_goes_on(encoder, corpus, tmp_path, monkeypatch):
    made = load_config(
        tree=tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-5, 5e-3]}, num_train_epochs=6)
    )
    ended = []
    score = search_module.score_of

    def interrupted(folder, metric, *, greater):
        ended.append(folder)
        if len(ended) == 2:
            raise KeyboardInterrupt
        return score(folder, metric, greater=greater)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(search_module, "score_of", interrupted)
        run(made)
    times = [(folder / "report.md").stat().st_mtime_ns for folder in ended]
    for name in ("metrics.json", "log.jsonl"):
        place = ended[0] / name
        whole = place.read_bytes()
        place.write_bytes(whole.replace(b"0.", b"1."))
        with pytest.raises(
            CheckpointError, match=rf"{name} was changed after the run had finished\. Put the files back"
        ):
            run(made, resume=True)
        place.write_bytes(whole)
    report = run(made, resume=True)
    assert [(folder / "report.md").stat().st_mtime_ns for folder in ended] == times  # none was run again
    assert report.search.chosen == "training.learning_rate 0.005"


def test_the_strength_of_a_method_is_chosen_without_target_labels(encoder, corpus, tmp_path):
    models = []
    for name, label in (("right", None), ("wrong", "public")):
        lines = [{**row, "label": label or row["label"]} for row in rows(18, seed=9)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        made = tree(
            encoder,
            corpus,
            tmp_path / f"run-{name}",
            {"methods.mmd.weight": [0.0, 1.0]},
            metric_for_best_model="target_infomax",
        )
        made |= {"target": {"path": str(tmp_path / f"{name}.jsonl")}, "methods": ["full_fine_tuning", "mmd"]}
        report = run(load_config(tree=made))
        assert set(report.search.scores) == {"methods.mmd.weight 0.0", "methods.mmd.weight 1.0"}
        assert "source_only" in report.baselines
        models.append((tmp_path / f"run-{name}" / "model" / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def labelled_target(folder):
    """A target whose words mean other classes than the source's."""
    other = {"permissive": "copyleft", "copyleft": "public", "public": "permissive"}
    write_corpus(folder)
    for file in folder.iterdir():
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps({**line, "label": other[line["label"]]}) + "\n" for line in lines))
    return folder


def test_the_weight_of_the_source_is_chosen_on_the_targets_validation(encoder, corpus, tmp_path):
    made = tree(
        encoder,
        corpus,
        tmp_path / "run",
        {"methods.joint.source_weight_start": [0.9, 0.1]},
        metric_for_best_model="target_macro_f1",
        num_train_epochs=8,
    )
    made |= {"target": {"path": str(labelled_target(tmp_path / "target"))}, "methods": ["full_fine_tuning", "joint"]}
    report = run(load_config(tree=made))
    assert report.search.chosen == "methods.joint.source_weight_start 0.1"
    assert score_of(tmp_path / "run" / CANDIDATES / "1", "target_macro_f1", greater=True) > 0.8
    assert report.metrics["target"]["test"]["macro_f1"] > 0.8
    rows = len((tmp_path / "target" / "dev.jsonl").read_text().splitlines())
    assert finding(report, "Target labels")["chose the checkpoint"] == f"those of {rows} rows of split validation"


def test_target_labels_choose_nothing_that_does_not_ask_for_them(encoder, corpus, tmp_path):
    made = run_tree(encoder, corpus, tmp_path / "run", metric_for_best_model="target_macro_f1")
    made |= {"target": {"path": str(labelled_target(tmp_path / "target"))}, "methods": ["full_fine_tuning", "dann"]}
    with pytest.raises(ConfigError) as error:
        load_config(tree=made)
    assert error.value.problems == [
        "training.metric_for_best_model is target_macro_f1, which reads the target's labels, and no method asks for "
        "them. Add joint, or choose by a metric of the source or by target_entropy, target_infomax, target_density, "
        "target_dev."
    ]
    made["methods"] = ["full_fine_tuning", "joint"]
    (tmp_path / "target" / "dev.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"/target\) has no validation split with labels \(splits found: train, te"):
        run(load_config(tree=made))


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"source.path": ["a"]}, "search: source.path cannot be chosen; expected a path such as methods.dann.weight"),
        ({"training.seed": [1, 2]}, "search: training.seed cannot be chosen; expected a path"),
        ({"training.learning_rate": []}, "search.training.learning_rate is empty; expected a list of values."),
        (
            {"training.learning_rate": [1e-4, 1e-5, 1e-4]},
            "search.training.learning_rate has 0.0001 more than once; each",
        ),
        (
            {"training.learning_rate": [i * 1e-9 for i in range(1, 5001)]},
            "search.training.learning_rate has 5,000 values; expected at most 100. Each is a training of its own",
        ),
        (
            {"training.learning_rate": [i * 1e-5 for i in range(1, 41)], "training.weight_decay": [0.0, 0.1, 0.2]},
            "search has 120 combinations (40 x 3); expected at most 100. Each is a training of its own",
        ),
        ({"training.learning_rate": ["fast"]}, "search: training.learning_rate is 'fast'; expected float"),
        ({"methods.lora.r": [4, 8]}, "search: methods.lora.r: lora is not among the run's methods"),
        ({"methods.full_fine_tuning.layer_decy": [0.9]}, "search: methods.0: Unknown key 'layer_decy'"),
        ("training.seed", "search is 'training.seed'; expected"),
    ],
)
def test_what_cannot_be_chosen(encoder, corpus, tmp_path, search, message):
    with pytest.raises(ConfigError) as error:
        load_config(tree=tree(encoder, corpus, tmp_path / "run", search))
    assert message in str(error.value)


def test_there_must_be_something_to_choose_by(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-3]}, load_best_model_at_end=False)
    with pytest.raises(ConfigError, match="search needs something to choose by: set "):
        load_config(tree=made)
    made = {**tree(encoder, corpus, tmp_path / "run", {"methods.frozen_encoder.layers": [[1], [2]]})}
    made["methods"] = ["frozen_encoder"]
    with pytest.raises(ConfigError, match="search: frozen_encoder fits the model before training"):
        load_config(tree=made)


def test_a_candidate_without_a_score(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"loss": 1.0}\n')
    with pytest.raises(TrainingError, match=r"log.jsonl has no evaluation with macro_f1, by which candidates"):
        score_of(tmp_path, "macro_f1", greater=True)


def test_dry_run_and_estimate_know_of_the_candidates(encoder, corpus, tmp_path):
    made = load_config(tree=tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-3, 1e-4, 1e-5]}))
    shown = dry_run(made)
    assert "Candidates, of which the run chooses one:\n  training.learning_rate 0.001\n" in shown
    assert not (tmp_path / "run").exists()
    found = estimate(made)
    one = sum(value for name, value in found.seconds.items() if name != "Other candidates, 2")
    assert found.seconds["Other candidates, 2"] == pytest.approx(2 * one)


@pytest.mark.slow
def test_two_processes_choose_the_same(encoder, corpus, tmp_path):
    made = tree(
        encoder,
        corpus,
        tmp_path / "run",
        {"training.learning_rate": [1e-5, 5e-3]},
        per_device_train_batch_size=4,
        num_train_epochs=6,
    )
    done = train_on_two_processes(made, tmp_path)
    assert done.stdout.count("Chosen by macro_f1: training.learning_rate 0.005.") == 1
    assert (tmp_path / "run" / "metrics.json").exists()


# ---- of trainers ----

ADAPTING = (DANN(),)
WEIGHTS = [0.1, 100.0]


def found(folder: Path, values: Any, methods: Any = ADAPTING, **changes: Any) -> TransferTrainer:
    """Search over values in a folder."""
    resume, made = changes.pop("resume", False), changes.pop("make_trainer", make_trainer)
    args = arguments(folder, **changes)
    target = TARGET if any(method.needs.target_text for method in methods) else None
    return search(made, values, args=args, methods=methods, target_dataset=target, resume=resume)


def test_the_best_value_is_chosen_and_is_what_that_value_alone_makes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nlp_transfer.commands.search")
    best = found(tmp_path / "run", {"methods.dann.weight": WEIGHTS}, [LoRA(r=2), DANN(gamma=1.0)])
    alone = [by_hand(tmp_path / f"{weight}", [LoRA(r=2), DANN(gamma=1.0, weight=weight)]) for weight in WEIGHTS]
    scores = [one.state.best_metric for one in alone]
    assert scores[0] != scores[1]
    expected = max(range(2), key=lambda i: scores[i])  # type: ignore[arg-type, return-value]
    assert best.state.best_metric == scores[expected]
    assert same_weights(best, alone[expected])
    assert not same_weights(best, alone[1 - expected])
    assert best.methods == (LoRA(r=2), DANN(gamma=1.0, weight=WEIGHTS[expected]))
    folders = [tmp_path / "run/candidates" / f"methods.dann.weight={weight}" for weight in WEIGHTS]
    assert [record.getMessage() for record in caplog.records if record.name.endswith("search")] == [
        *(
            f"Candidate {i + 1} of 2, methods.dann.weight {WEIGHTS[i]}: target_infomax {scores[i]:.4f} ({folders[i]})."
            for i in range(2)
        ),
        f"Chosen by target_infomax: methods.dann.weight {WEIGHTS[expected]}.",
    ]
    assert sorted((tmp_path / "run/candidates").iterdir()) == sorted(folders)
    assert best.args.output_dir == str(folders[expected])


def test_a_loss_is_better_where_it_is_lower_and_arguments_are_chosen_too(tmp_path: Path) -> None:
    rates = [1e-2, 1e-5]
    values = {"training.learning_rate": rates, "methods.dann.weight": [0.1]}
    best = found(tmp_path / "run", values, metric_for_best_model="loss")
    losses = [
        by_hand(
            tmp_path / f"{rate}",
            [DANN(weight=0.1)],
            args=arguments(tmp_path / f"{rate}", metric_for_best_model="loss", learning_rate=rate),
        ).state.best_metric
        for rate in rates
    ]
    assert losses[0] != losses[1]
    assert best.state.best_metric == min(losses)  # type: ignore[type-var]
    assert best.args.learning_rate == rates[losses.index(min(losses))]  # type: ignore[type-var]


def test_a_choice_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"methods.dann.weight": WEIGHTS}
    whole = found(tmp_path / "whole", values)
    steps: list[float] = []
    stock = TransferTrainer.training_step

    def step(self: TransferTrainer, *args: Any, **kwargs: Any) -> Any:
        if len(steps) == 10:  # 3 updates an epoch: in the second candidate's second epoch
            raise KeyboardInterrupt
        steps.append(self.methods[0].weight)  # type: ignore[attr-defined]
        return stock(self, *args, **kwargs)

    monkeypatch.setattr(TransferTrainer, "training_step", step)
    with pytest.raises(KeyboardInterrupt):
        found(tmp_path / "run", values)
    monkeypatch.setattr(TransferTrainer, "training_step", stock)
    with pytest.raises(CheckpointError, match=re.escape(f"weight={WEIGHTS[0]} holds checkpoints of an earlier")):
        found(tmp_path / "run", values)
    monkeypatch.setattr(TransferTrainer, "training_step", step)
    steps[:] = []
    again = found(tmp_path / "run", values, resume=True)
    assert steps == [WEIGHTS[1]] * 3  # one epoch of the second
    assert again.methods == whole.methods
    assert again.state.best_metric == whole.state.best_metric
    assert same_weights(again, whole)


class Louder(TransferTrainer):
    """A user's own trainer."""

    def __init__(self, *args: Any, times: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.times = times

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        optimizer = super().create_optimizer(*args, **kwargs)
        for group in optimizer.param_groups:
            group["lr"] *= self.times
        return optimizer


def test_a_users_own_trainer_is_searched(tmp_path: Path) -> None:
    own = partial(
        Louder,
        model_init=lambda: tiny_model("bert"),
        data_collator=collate_with_labels_or_without,
        train_dataset=TRAIN,
        eval_dataset=VALIDATION,
    )
    values = {"methods.dann.weight": [0.1]}
    best = found(tmp_path / "run", values, make_trainer=partial(own, times=50.0))
    assert (type(best), best.times) == (Louder, 50.0)  # type: ignore[attr-defined]
    assert not same_weights(best, found(tmp_path / "other", values, make_trainer=own))


def test_layers_that_the_model_lacks_are_found_before_any_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^search: .*9"):
        found(tmp_path, {"methods.partial_fine_tuning.layers": [1, 9]}, [PartialFineTuning(layers=1), DANN()])
    assert not list(tmp_path.iterdir())


def test_an_update_of_one_row_is_found_before_any_is_trained(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^search: coral compares the rows of an update .*, and an update has one row"
    ):
        found(tmp_path, {"training.per_device_train_batch_size": [8, 1]}, [CORAL()])
    assert not list(tmp_path.iterdir())


def test_the_folder_of_many_values_has_a_short_name(tmp_path: Path) -> None:
    one = {f"methods.dann.{name}": [value] for name, value in (("weight", 0.1), ("gamma", 1.0), ("hidden_size", 8))}
    others = {f"training.{name}": [value] for name, value in (("weight_decay", 0.1), ("max_grad_norm", 2.0))}
    best = found(tmp_path, {**one, **others})
    name = Path(str(best.args.output_dir)).name
    assert re.fullmatch(r"methods\.dann\.weight=0\.1,methods\.dann\.gamma=1\.0,.{40,60}…[0-9a-f]{12}", name)


def test_a_trainer_without_a_score_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.metrics.model_selection.infomax", lambda *_, **__: float("nan"))
    with pytest.raises(
        TrainingError, match=r"^Candidate 1 of 1, methods\.dann\.weight 0\.1: target_infomax is -?[a-zN]+, by"
    ):
        found(tmp_path, {"methods.dann.weight": [0.1]})


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, ['search was given no values; expected such as {"methods.dann.weight": [0.03, 0.1]}.']),
        (
            {"methods.dan.weight": [1.0]},
            ["search: methods.dan.weight: Unknown method 'dan'. Did you mean 'dann'? Methods: dann."],
        ),
        (
            {"methods.dann.weigth": [1.0]},
            [
                "search: methods.dann.weigth: Unknown key 'weigth'. Did you mean 'weight'? Keys: gamma, hidden_size, "
                "learning_rate, weight."
            ],
        ),
        (
            {"methods.dann.weight": [-1.0, "x"]},
            [
                "search: dann.weight is -1.0; expected 0 or more.",
                "search: methods.dann.weight is 'x'; expected float.",
            ],
        ),
        ({"methods.dann.weight": 0.1}, ["search.methods.dann.weight is 0.1; expected a list of values."]),
        (
            {"methods.dann": [1]},
            ["search: methods.dann: Unknown key ''. Keys: gamma, hidden_size, learning_rate, weight."],
        ),
        (
            {"training.learning_rate": [-1.0, "x"]},
            [
                "search: training.learning_rate is -1.0; expected 0 or more.",
                "search: training.learning_rate is 'x'; expected float.",
            ],
        ),
        (
            {"training.optim": ["sgd"]},
            [
                "search: training.optim cannot be chosen here; expected one of learning_rate, num_train_epochs, "
                "max_steps, per_device_train_batch_size, gradient_accumulation_steps, weight_decay, warmup_steps, "
                "max_grad_norm, adam_beta1, adam_beta2, adam_epsilon. Make a trainer for each."
            ],
        ),
        (
            {"training.per_device_train_batch_size": [8, 8.5], "training.warmup_steps": [-5]},
            [
                "search: training.warmup_steps is -5.0; expected 0 or more.",
                "search: training.per_device_train_batch_size is 8.5; expected int.",
            ],
        ),
        (
            {"dann.weight": [0.1], "learning_rate": [0.1]},
            [
                "search: dann.weight is not whole. Did you mean methods.dann.weight?",
                "search: learning_rate is not whole. Did you mean training.learning_rate?",
            ],
        ),
        ([("a", 1)], ["search was given [('a', 1)]; expected such as {\"methods.dann.weight\": [0.03, 0.1]}."]),
        (
            {1: [0.1]},
            [
                "search: 1 cannot be chosen; expected a path such as methods.dann.weight or training.learning_rate. "
                "Other values change what is compared, and the best seed is luck."
            ],
        ),
        (
            {"training.seed": [1], "methods.dann.weight": [], "training.weight_decay": [0.1, 0.1]},
            [
                "search: training.seed cannot be chosen; expected a path such as methods.dann.weight or "
                "training.learning_rate. Other values change what is compared, and the best seed is luck.",
                "search.methods.dann.weight is empty; expected a list of values.",
                "search.training.weight_decay has 0.1 more than once; each would be trained. Leave one.",
            ],
        ),
    ],
)
def test_values_that_cannot_be_chosen_are_all_named_before_any_is_trained(
    tmp_path: Path, values: dict[str, list[Any]], problems: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        found(tmp_path / "run", values)
    assert caught.value.problems == problems
    assert not list((tmp_path / "run").rglob("*"))


def test_an_unknown_argument_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"training\.learning_rat: Unknown key 'learning_rat'\. Did you mean 'learning_rate'"
    ):
        found(tmp_path, {"training.learning_rat": [1.0]})


def test_a_choice_needs_something_to_choose_by_and_something_to_train(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^search needs something to choose by: set training\.metric_for_best_model"):
        found(tmp_path, {"methods.dann.weight": [1.0]}, load_best_model_at_end=False)
    with pytest.raises(ConfigError, match=r"^search: frozen_encoder fits the model before training"):
        found(tmp_path, {"training.learning_rate": [1.0]}, [FrozenEncoder()], metric_for_best_model="loss")
