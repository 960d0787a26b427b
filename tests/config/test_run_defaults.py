import pytest

from nlp_transfer import TransferArguments
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.config.run_defaults import (
    DEFAULTED,
    by_rows,
    left_to_rows,
    run_defaults,
    with_default_methods,
    with_head_rates,
)
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN, LPFT, Adapt, FrozenEncoder, FullFineTuning, LoRA, PartialFineTuning, SourceFree
from nlp_transfer.tasks import TASKS, MaskedLanguageModeling, SequenceClassification

TASK = SequenceClassification()
SELECTION = ("eval_strategy", "save_strategy", "save_total_limit", "load_best_model_at_end", "metric_for_best_model")


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"),
    [(1, 8, 10), (2_000, 8, 10), (2_001, 16, 5), (10_000, 16, 5), (10_001, 32, 3), (10**9, 32, 3)],
)
def test_batch_and_epochs_depend_on_the_rows(rows, batch, epochs):
    names = ["per_device_train_batch_size", "num_train_epochs"]
    assert by_rows(names, rows) == {"num_train_epochs": epochs, "per_device_train_batch_size": batch}
    assert by_rows([], rows) == {}


@pytest.mark.parametrize(
    ("methods", "rate"),
    [((FullFineTuning(),), 5e-5), ((LPFT(),), 5e-5), ((LoRA(),), 5e-4), ((DANN(), LoRA()), 5e-4), ((), 5e-5)],
)
def test_the_learning_rate_is_the_methods(methods, rate):
    assert run_defaults({}, methods, TASK)["learning_rate"] == rate


def test_a_method_has_defaults_of_its_own_and_the_first_one_counts():
    methods = (FullFineTuning(), SourceFree(), LoRA())
    defaults = run_defaults({"num_train_epochs": 1}, methods, TASK)
    assert (defaults["learning_rate"], defaults["per_device_train_batch_size"]) == (2e-5, 32)
    assert "num_train_epochs" not in defaults
    assert left_to_rows({}, methods) == set()
    assert left_to_rows({}, (LoRA(),)) == {"per_device_train_batch_size", "num_train_epochs"}
    assert with_head_rates({}, methods, TASK) == methods  # the head is trained already


def test_a_method_chooses_the_checkpoint_where_the_best_one_is_kept():
    methods = (FullFineTuning(), Adapt())
    assert run_defaults({}, methods, TASK)["metric_for_best_model"] == "target_infomax"
    assert "metric_for_best_model" not in run_defaults({"metric_for_best_model": "loss"}, methods, TASK)
    assert "metric_for_best_model" not in run_defaults({"eval_strategy": "no"}, methods, TASK)
    assert run_defaults({}, (FullFineTuning(),), TASK)["metric_for_best_model"] == TASK.primary_metric
    pretraining = MaskedLanguageModeling()  # which the method cannot join: only that is an error
    assert run_defaults({}, methods, pretraining)["metric_for_best_model"] != "target_infomax"


def test_a_new_head_learns_ten_times_as_fast():
    methods = (FullFineTuning(), PartialFineTuning(layers=2), FullFineTuning(head_learning_rate=1e-3), LoRA(), DANN())
    rated = with_head_rates({}, methods, TASK)
    assert rated == (
        FullFineTuning(head_learning_rate=5e-4),
        PartialFineTuning(layers=2, head_learning_rate=5e-4),
        *methods[2:],
    )
    assert with_head_rates({"learning_rate": 1e-4}, methods, TASK) == methods
    assert with_head_rates({}, methods, MaskedLanguageModeling()) == methods


def test_a_run_without_arguments_keeps_the_best_epoch_by_validation():
    assert run_defaults({}, (FullFineTuning(),), TASK) == {
        "learning_rate": 5e-5,
        "warmup_steps": 0.1,
        "per_device_eval_batch_size": 32,
        "logging_first_step": True,
        "logging_steps": 0.02,
        "precision": "auto",
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "macro_f1",
    }


@pytest.mark.parametrize("task", TASKS.values())
def test_the_best_epoch_is_chosen_by_a_metric_of_the_task(task):
    names = task.metric_names()
    assert (task.selection_metric or task.primary_metric) in names


@pytest.mark.parametrize("name", [*run_defaults({}, (), TASK)])
def test_a_value_of_the_user_is_never_replaced(name):
    assert name not in run_defaults({name: None}, (), TASK)


@pytest.mark.parametrize("name", ["eval_strategy", "eval_steps", "save_strategy", "save_steps"])
def test_who_plans_evaluations_or_checkpoints_plans_both(name):
    assert not set(SELECTION) & run_defaults({name: 1}, (), TASK).keys()


@pytest.mark.parametrize("name", ["precision", "bf16", "fp16"])
def test_precision_is_auto_unless_one_is_given(name):
    assert "precision" not in run_defaults({name: True}, (), TASK)


def test_nothing_is_added_where_a_head_is_fitted():
    assert run_defaults({}, (FrozenEncoder(),), TASK) == {}
    assert left_to_rows({}, (FrozenEncoder(),)) == frozenset()


def test_epochs_are_not_set_with_a_number_of_steps():
    assert left_to_rows({"max_steps": 3}, (LoRA(),)) == {"per_device_train_batch_size"}
    assert left_to_rows({"max_steps": -1}, ()) == {"per_device_train_batch_size", "num_train_epochs"}
    assert left_to_rows({"num_train_epochs": 3}, ()) == {"per_device_train_batch_size"}


def test_what_a_run_has_defaults_for():
    assert (*run_defaults({}, (), TASK), "per_device_train_batch_size", "num_train_epochs") == DEFAULTED


@pytest.fixture
def tree(encoder, corpus, tmp_path):
    return {"model": str(encoder), "source": {"path": str(corpus)}, "training": {"output_dir": str(tmp_path / "run")}}


def test_a_configuration_has_the_defaults_and_its_record_reads_back(tree):
    tree["methods"] = ["lora"]
    config = load_config(tree=tree)
    assert (config.training.learning_rate, config.training.load_best_model_at_end) == (5e-4, True)
    assert "num_train_epochs" not in config.record()["training"]
    sized = config.sized(48)
    assert (sized.training.num_train_epochs, sized.training.per_device_train_batch_size) == (10, 8)
    assert load_config(tree=sized.record()).record() == sized.record()
    assert load_config(tree=config.record()).sized(48).record() == sized.record()


def test_full_fine_tuning_is_the_default_with_its_head_rate(tree):
    (method,) = load_config(tree=tree).methods
    assert method == FullFineTuning(head_learning_rate=5e-4)
    tree["training"]["learning_rate"] = 5e-5
    assert load_config(tree=tree).methods == (FullFineTuning(),)


def test_with_a_target_the_default_adapts_to_it(tree, corpus):
    tree["target"] = {"path": str(corpus)}
    config = load_config(tree=tree)
    assert config.methods == (FullFineTuning(head_learning_rate=5e-4), Adapt())
    chosen = config.training.metric_for_best_model, config.training.per_device_train_batch_size
    assert chosen == ("target_infomax", 32)
    assert config.source_only_baseline == "average"
    for given in ({"methods": None}, {"source_only_baseline": None}, {"source_only_baseline": "average"}):
        assert load_config(tree={**tree, **given}).record() == config.record()
    for given in (True, False):
        kept = load_config(tree={**tree, "source_only_baseline": given})
        assert (kept.source_only_baseline, kept.methods) == (given, config.methods)
    chosen = load_config(tree={**tree, "methods": ["full_fine_tuning", "adapt"]})
    assert chosen.methods == config.methods and chosen.source_only_baseline is True
    assert load_config(tree=config.record()).record() == config.record()
    arguments = TransferArguments(tree["training"]["output_dir"], use_cpu=True)
    made = Experiment(tree["model"], tree["source"]["path"], arguments, target=str(corpus))
    assert made.methods == (FullFineTuning(), Adapt())
    assert load_config(tree={**tree, "methods": ["lora"]}).methods == (LoRA(),)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_whose_target_cannot_be_adapted_to_is_fine_tuned_alone(name):
    adapts = {"sequence_classification", "sentence_pairs", "ordinal_classification"}
    alone = {"methods": ["full_fine_tuning"], "source_only_baseline": True}
    both = {"methods": ["full_fine_tuning", "adapt"], "source_only_baseline": "average"}
    for task in (name, {"name": name}, TASKS[name], TASKS[name]()):
        assert with_default_methods({"task": task}) == {"task": task, **alone}
        given = {"task": task, "target": "a corpus"}
        assert with_default_methods(given) == {**given, **(both if name in adapts else alone)}
    assert with_default_methods({"task": {"max_length": 8}, "target": "a corpus"})["methods"] == both["methods"]


def test_a_setting_of_a_default_method_leaves_the_others(tree, corpus):
    target = ("target.path", str(corpus))
    for path, value in (("methods.adapt.weight", 0.3), ("methods.full_fine_tuning.layer_decay", 0.9)):
        config = load_config(tree=tree, overrides=[(path, value), target])
        assert [method.name for method in config.methods] == ["full_fine_tuning", "adapt"]
        assert config.source_only_baseline == "average"
        assert getattr(config.methods[path.startswith("methods.adapt")], path.split(".")[-1]) == value
    assert load_config(tree=tree, overrides=[("methods.lora.r", 4), target]).methods == (LoRA(r=4),)
    chosen = [("methods", "full_fine_tuning"), ("methods.full_fine_tuning.layer_decay", 0.9), target]
    assert [method.layer_decay for method in load_config(tree=tree, overrides=chosen).methods] == [0.9]


def test_a_value_that_is_also_the_trainers_default_stays(tree):
    tree["training"] |= {"num_train_epochs": 3, "eval_strategy": "no", "learning_rate": 5e-5}
    tree["methods"] = ["lora"]
    config = load_config(tree=tree).sized(48)
    again = load_config(tree=config.record()).sized(48)
    for one in (config, again):
        training = one.record()["training"]
        assert (training["num_train_epochs"], training["eval_strategy"], training["learning_rate"]) == (3, "no", 5e-5)
        assert training["load_best_model_at_end"] is False


def test_patience_needs_no_other_argument(tree):
    tree["training"]["early_stopping_patience"] = 2
    assert load_config(tree=tree).training.metric_for_best_model == "macro_f1"


def test_a_task_that_cannot_be_read_adds_no_problem_of_the_defaults(tree):
    tree["task"] = {"name": "clasification"}
    with pytest.raises(ConfigError) as error:
        load_config(tree=tree)
    assert len(error.value.problems) == 1
    assert "clasification" in error.value.problems[0]
