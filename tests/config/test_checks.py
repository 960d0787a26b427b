"""Whether the parts of an experiment go together."""

import pytest

from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checks")
    return run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "run")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("training.source_weights", [1, 2], "training.source_weights is [1.0, 2.0], and there is one source."),
        ("methods", [], "methods is empty: name at least one, such as full_fine_tuning."),
        ("source_only_baseline", "mean", "source_only_baseline: Unknown value 'mean'. Values: average, true, false."),
        ("source_only_baseline", 1, "source_only_baseline is 1; expected bool or average or null."),
        ("methods", ["full_fine_tuning", "mmd"], "mmd needs text of a target domain, and there is none."),
        ("prior_correction", True, "prior_correction needs text of a target domain, and there is none."),
        ("log_target_scores", True, "log_target_scores needs text of a target domain, and there is none."),
        ("training.metric_for_best_model", "macro_f2", "training.metric_for_best_model: Unknown metric 'macro_f2'."),
        ("training.metric_for_best_model", "target_macro_f1", "and no method asks for them. Add joint"),
        ("training.label_smoothing_factor", 0.1, "the task computes the loss: set task.label_smoothing."),
        ("training.fp16", True, "training.fp16 needs a GPU, and training is on the CPU"),
        ("baselines", ["majorty"], "baselines: Unknown baseline 'majorty'. Did you mean 'majority'?"),
        ("report_examples", -1, "report_examples is -1; expected 0 or more."),
        ("attention_dropout", 1.0, "attention_dropout is 1.0; expected 0 <= value < 1, or null."),
        ("training.attention_dropout", 0.1, "in a configuration it stands at the top: attention_dropout: 0.1."),
        ("tokenizer", "", "tokenizer is empty; expected a path."),
        ("revision", "main", "revision"),
        ("search", {"training.seed": [1]}, "search: training.seed cannot be chosen"),
    ],
)
def test_what_does_not_go_together(tree, path, value, problem):
    with pytest.raises(ConfigError) as caught:
        load_config(tree=tree, overrides=[(path, value)])
    assert problem in str(caught.value)


def test_calibration_rows_need_a_task_with_a_decision(tree):
    set_apart = [("source.split.calibration", 0.2)]
    assert load_config(tree=tree, overrides=set_apart).sources[0].split.calibration == 0.2
    with pytest.raises(
        ConfigError, match=r"source\.split\.calibration sets rows apart, and masked_language_modeling has"
    ):
        load_config(tree={**tree, "task": {"name": "masked_language_modeling"}, "baselines": []}, overrides=set_apart)


def test_a_corpus_twice(tree):
    with pytest.raises(ConfigError, match=r"source\.0 and source\.1 are the same corpus\. Name it once"):
        load_config(tree={**tree, "source": [tree["source"], tree["source"]]})


def test_a_method_that_does_not_fit_the_task(tree):
    with pytest.raises(ConfigError) as caught:
        load_config(tree={**tree, "task": {"name": "masked_language_modeling"}, "methods": ["lp_ft"]})
    assert "methods: lp_ft does not go with masked_language_modeling. Methods for it: full_fine_tuning" in str(
        caught.value
    )


def test_an_evaluation_must_be_there_for_the_log(tree):
    changed = {**tree, "target": tree["source"], "log_target_scores": True}
    training = {**tree["training"], "eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False}
    with pytest.raises(ConfigError, match=r"scores the target in each evaluation, and training\.eval_strategy is no"):
        load_config(tree={**changed, "training": training})


def test_the_mean_with_the_baseline_is_of_classifiers_without_adapters(tree, corpus):
    given = {**tree, "target": {"path": str(corpus)}, "source_only_baseline": "average"}
    wrong = {
        "lora adds others": {"methods": ["lora", "mmd"]},
        "peft adds others": {"methods": [{"name": "peft", "peft_type": "IA3"}, "mmd"]},
        "regression predicts no classes of texts": {"task": "regression", "methods": ["full_fine_tuning", "mmd"]},
    }
    for reason, settings in wrong.items():
        with pytest.raises(ConfigError) as caught:
            load_config(tree={**given, **settings})
        mean = "source_only_baseline: average is the mean of all weights of two classifiers"
        assert f"{mean}, and {reason}. Set source_only_baseline: true." in caught.value.problems
    for methods in (["lora"], ["partial_fine_tuning", "mmd"]):  # the first has no baseline
        assert load_config(tree={**given, "methods": methods}).source_only_baseline == "average"
