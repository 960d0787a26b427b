"""The configuration: types, overrides, nearest names, and all problems at once."""

import dataclasses
import re
from pathlib import Path

import pytest

from nlp_transfer import CorpusConfig, TransferArguments
from nlp_transfer.config.experiment import Experiment, help_corpus, help_sections, help_training, load_config
from nlp_transfer.config.parsing import read_value, read_yaml
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CORAL, METHODS, FullFineTuning, LoRA
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.tasks import TASKS
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    return run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "run")


def problems(tree, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(tree=tree, overrides=overrides)
    return caught.value.problems


def test_a_configuration_of_classes_is_that_of_a_file(tmp_path):
    (tmp_path / "books.jsonl").write_text("")
    books, output_dir = str(tmp_path / "books.jsonl"), str(tmp_path / "run")
    made = Experiment(
        model="ada/encoder",
        source=CorpusConfig(path=books),
        target=CorpusConfig(path=books),
        methods=(FullFineTuning(), CORAL(weight=10)),
        training=TransferArguments(output_dir=output_dir, num_train_epochs=2),
    )
    read = load_config(
        tree={
            "model": "ada/encoder",
            "source": {"path": books},
            "target": {"path": books},
            "methods": ["full_fine_tuning", {"name": "coral", "weight": 10}],
            "training": {"output_dir": output_dir, "num_train_epochs": 2},
        }
    )
    # arguments of the class stay as they are made; those of a file, or of a mapping, get a run's defaults
    training = made.record()["training"]
    assert (training["eval_strategy"], read.record()["training"]["eval_strategy"]) == ("no", "epoch")
    assert load_config(tree=made.record()).record() == made.record()
    mapped = dataclasses.replace(made, training={"output_dir": output_dir, "num_train_epochs": 2})
    assert mapped.record() == read.record()


def test_yaml_numbers_words_and_lists_mean_what_they_say():
    assert [read_value(text) for text in ("2e-5", "no", "null", "[a, 1]", "{r: 8}", "")] == [
        2e-5,
        "no",
        None,
        ["a", 1],
        {"r": 8},
        "",
    ]


def test_defaults_are_those_of_the_dataclasses(tree):
    config = load_config(tree=tree)
    assert config.task.max_length == 32
    assert [method.name for method in config.methods] == ["full_fine_tuning"]
    assert config.baseline_names == ("majority", "tfidf_svm")
    assert config.target is None


def test_any_value_is_overridden_by_its_path(tree):
    config = load_config(
        tree={**tree, "methods": ["lora"]},
        overrides=[
            ("training.learning_rate", "2e-5"),
            ("task.max_length", 16),
            ("source.split.seed", 4),
            ("methods.lora.r", 4),
            ("methods.0.dropout", 0.0),
            ("baselines", ["majority"]),
        ],
    )
    assert (config.training.learning_rate, config.task.max_length, config.source.split.seed) == (2e-5, 16, 4)
    assert config.methods == (LoRA(r=4, dropout=0.0),)
    assert config.baselines == ("majority",)


def test_one_file_needs_no_list(tree, tmp_path):
    (tmp_path / "a.yaml").write_text(to_yaml(tree))
    assert load_config(str(tmp_path / "a.yaml")).record() == load_config([tmp_path / "a.yaml"]).record()


def test_later_files_win(tree, tmp_path):
    (tmp_path / "a.yaml").write_text(to_yaml(tree))
    (tmp_path / "b.yaml").write_text("training: {seed: 11}\nmethods: [lora]\n")
    config = load_config([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert config.training.seed == 11
    assert config.training.num_train_epochs == 2
    assert [method.name for method in config.methods] == ["lora"]


def test_all_problems_are_reported_together_each_with_the_nearest_name(tree):
    found = problems(
        {**tree, "methods": [{"name": "loraa"}], "modle": "x", "baselines": ["svm"]},
        ("task.max_lenght", 3),
        ("training.learning_rate", "fast"),
        ("source.split.metod", "random"),
    )
    text = "\n".join(found)
    assert "methods.0: Unknown method 'loraa'. Did you mean 'lora'?" in text
    assert "Unknown key 'modle'. Did you mean 'model'?" in text
    assert "task: Unknown key 'max_lenght'. Did you mean 'max_length'?" in text
    assert "training.learning_rate is 'fast'; expected float." in text
    assert "source.split: Unknown key 'metod'. Did you mean 'method'?" in text
    assert "baselines: Unknown baseline 'svm'." in text
    assert len(found) == 6


def test_what_no_section_can_see_alone_is_checked_too(tree):
    found = problems(
        {**tree, "target": {"path": "nowhere", "hub": "a/b"}, "attention_dropout": 2},
        ("training.metric_for_best_model", "makro_f1"),
        ("training.label_smoothing_factor", 0.1),
        ("model", "./no/such/folder"),
    )
    text = "\n".join(found)
    assert "target names path and hub; give exactly one" in text
    assert "target.path: there is no file or folder nowhere" in text
    assert "training.metric_for_best_model: Unknown metric 'makro_f1'. Did you mean 'macro_f1'?" in text
    assert "set task.label_smoothing" in text
    assert "attention_dropout is 2" in text
    assert "there is no folder ./no/such/folder" in text


@pytest.mark.parametrize(
    ("key", "got", "right"),
    [
        ("eval_strategy", "epohc", "epoch"),
        ("save_strategy", "bset", "best"),
        ("logging_strategy", "stpes", "steps"),
        ("lr_scheduler_type", "cosin", "cosine"),
        ("optim", "adamw_trch", "adamw_torch"),
        ("hub_strategy", "evry_save", "every_save"),
        ("train_sampling_strategy", "group_by_lenght", "group_by_length"),
        ("log_level", "inof", "info"),
        ("precision", "bf61", "bf16"),
    ],
)
def test_misspelt_values_are_named_by_their_path_with_the_nearest_right_one(tree, key, got, right):
    [text] = problems(tree, (f"training.{key}", got))
    assert text.startswith(f"training.{key}: Unknown value {got!r}. Did you mean {right!r}?")


def test_misspelt_values_are_reported_together(tree):
    found = problems(tree, ("training.eval_strategy", "epohc"), ("training.report_to", "wandbb"), ("training.sede", 1))
    assert [text.partition(" Did you mean ")[2].split("?")[0] for text in found] == ["'epoch'", "'seed'", "'wandb'"]


def test_cross_checks_are_reported_with_a_sections_own_problems(tree):
    whole = {
        **tree,
        "source": {"path": "nowhere", "colums": {}},
        "task": {"max_lenght": 3, "focal_gamma": -1},
        "methods": [{"name": "lora", "rank": 3}, "lp_ft"],
    }
    found = problems(
        whole, ("training.sede", 1), ("training.metric_for_best_model", "makro_f1"), ("attention_dropout", 2)
    )
    assert [text.split("(from")[0].partition(" Keys: ")[0].partition(" Metrics: ")[0].strip() for text in found] == [
        "source: Unknown key 'colums'. Did you mean 'columns'?",
        "task: Unknown key 'max_lenght'. Did you mean 'max_length'?",
        "task.focal_gamma is -1.0; expected 0 or more.",
        "methods.0: Unknown key 'rank'.",
        "training: Unknown key 'sede'. Did you mean 'seed'?",
        "source.path: there is no file or folder nowhere",
        "methods: lora and lp_ft each choose the trainable weights; only one of them can be in a run.",
        "training.metric_for_best_model: Unknown metric 'makro_f1'. Did you mean 'macro_f1'?",
        "attention_dropout is 2.0; expected 0 <= value < 1, or null.",
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"source": {"pth": "corpus"}}, "source: Unknown key 'pth'. Did you mean 'path'?"),
        ({"training": {"ouput_dir": "run"}}, "training: Unknown key 'ouput_dir'. Did you mean 'output_dir'?"),
        ({"training": 3}, "training is 3; expected keys such as"),
        ({"training": {"seed": 1}}, "training.output_dir is missing"),
        ({"task": "sequence_clasification"}, "task: Unknown task 'sequence_clasification'."),
        ({"methods": ["loar"]}, "methods.0: Unknown method 'loar'. Did you mean 'lora'?"),
        ({"methods": []}, "methods is empty"),
        (
            {"training": {"output_dir": "run", "metric_for_best_model": "target_infomx"}},
            "training.metric_for_best_model: Unknown metric 'target_infomx'. Did you mean 'target_infomax'?",
        ),
        (
            {"training": {"output_dir": "run", "metric_for_best_model": "target_infomax"}},
            "target_infomax needs text of a target domain, and there is none. Name it with target: {path: …}.",
        ),
        (
            {"prior_correction": True},
            "prior_correction needs text of a target domain, and there is none. Name it with target: {path: …}.",
        ),
        (
            {"methods": ["dann", "mmd"]},
            "dann and mmd need text of a target domain, and there is none. Name it with target: {path: …}.",
        ),
        ({"model": 3}, "model is 3; expected str."),
        ({"baselines": 3}, "baselines is 3; expected list of str or null."),
    ],
)
def test_what_follows_from_a_problem_is_no_problem_of_its_own(tree, part, expected):
    [text] = problems({**tree, **part})
    assert text.startswith(expected)


def test_misspelt_sections_are_not_missing_too(tree):
    renamed = {"modle": tree["model"], "sorce": tree["source"], "trainig": tree["training"]}
    assert [text.partition("? ")[0] for text in problems(renamed)] == [
        "Unknown key 'modle'. Did you mean 'model'",
        "Unknown key 'sorce'. Did you mean 'source'",
        "Unknown key 'trainig'. Did you mean 'training'",
    ]


def test_an_adapter_by_its_type(tree):
    adapter = {"name": "peft", "peft_type": "IA3", "settings": {"target_modules": ["key"]}}
    config = load_config(
        tree={**tree, "methods": [adapter]}, overrides=[("methods.peft.settings.feedforward_modules", [])]
    )
    assert config.methods[0].settings == {"target_modules": ["key"], "feedforward_modules": []}
    assert config.record()["methods"] == [{**adapter, "settings": config.methods[0].settings}]
    [text] = problems({**tree, "methods": [adapter]}, ("methods.0.settings.target_module", 1))
    assert text.startswith("peft.settings: Unknown setting 'target_module'. Did you mean 'target_modules'?")
    [text] = problems({**tree, "methods": ["peft"]})
    assert text.startswith("methods.0.peft_type is missing: PEFT's name of the kind: IA3, LOHA,")
    [text] = problems({**tree, "methods": [adapter, "lora"]})
    assert text == ("methods: lora and peft each choose the trainable weights; only one of them can be in a run.")


def test_missing_sections_are_named():
    found = problems({})
    assert [problem.split()[0] for problem in found] == ["model", "source", "training.output_dir"]


def test_sections_of_the_wrong_kind(tree):
    assert problems({**tree, "source": "no.jsonl"})[0].startswith("source.path: there is no file or folder no.jsonl")
    assert problems({**tree, "source": 5})[0].startswith("source is 5; expected a path, a pandas DataFrame, a ")
    assert problems(tree, ("model.x", 1))[0].startswith("--model.x: model is ")
    assert "Unknown method 'dora'" in problems({**tree, "methods": ["lora"]}, ("methods.dora.r", 4))[0]


def test_transformers_own_refusals_become_problems(tree):
    found = problems(tree, ("training.eval_strategy", "steps"), ("training.save_strategy", "epoch"))
    assert found[0].startswith("training: ")
    assert "load_best_model_at_end" in found[0]


def test_a_method_of_two_that_free_weights(tree):
    found = problems({**tree, "methods": ["lora", "lp_ft"]})
    assert found == ["methods: lora and lp_ft each choose the trainable weights; only one of them can be in a run."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: a\nmodel: b\n", r"line 2, column 1: not valid YAML: found duplicate key"),
        ("model: [a\n", r"line 2, column 1: not valid YAML"),
        ("- a\n", r"holds list; expected sections"),
    ],
)
def test_broken_files_are_named_with_the_line(tmp_path, text, expected):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        read_yaml(tmp_path / "c.yaml")


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"--config .*none\.yaml: No such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"model: \xe9\n")
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(byte 7\)"):
        read_yaml(tmp_path / "latin.yaml")


def test_the_record_reads_back_to_the_same_configuration(tree, tmp_path):
    whole = {**tree, "methods": [{"name": "lora", "r": 4}], "target": {"path": tree["source"]["path"]}}
    config = load_config(tree=whole, overrides=[("training.precision", "auto"), ("training.hub_token", "hf_secret")])
    record = config.record()
    assert "hf_secret" not in to_yaml(record)
    (tmp_path / "record.yaml").write_text(to_yaml(record))
    again = load_config([tmp_path / "record.yaml"])
    assert again.record() == record
    assert (again.methods, again.source, again.target, again.task) == (
        config.methods,
        config.source,
        config.target,
        config.task,
    )


def test_one_corpus_twice_among_the_sources(tree):
    again = two_sources(tree)
    again["source"].append({"path": tree["source"]["path"]})
    message = r"source\.0 and source\.2 are the same corpus\. Name it once; training\.source_weights says how often"
    with pytest.raises(ConfigError, match=message):
        load_config(tree=again)


def test_another_method_by_its_name_and_then_its_values(tree):
    config = load_config(tree=tree, overrides=[("methods", "lora"), ("methods.lora.r", 4)])
    assert [(method.name, method.r) for method in config.methods] == [("lora", 4)]


def two_sources(tree, **training):
    path = tree["source"]["path"]
    return {
        **tree,
        "source": [{"path": path}, {"path": path, "split": {"seed": 4}}],
        "training": {**tree["training"], **training},
    }


def test_several_sources_and_a_value_of_one_of_them(tree, tmp_path):
    config = load_config(tree=two_sources(tree, source_weights=[1, 2]), overrides=[("source.1.split.seed", 5)])
    assert [source.split.seed for source in config.sources] == [13, 5]
    (tmp_path / "record.yaml").write_text(to_yaml(config.record()))
    again = load_config([tmp_path / "record.yaml"])
    assert (again.source, again.training.source_weights) == (config.source, [1, 2])
    one = load_config(tree={**tree, "source": [tree["source"]]})
    assert one.source == load_config(tree=tree).source


def test_what_is_wrong_with_one_of_several_sources_names_it(tree):
    wrong = two_sources(tree, source_weights="equl")
    wrong["source"][1] = {"path": "no/such/folder", "colums": {}}
    with pytest.raises(ConfigError) as raised:
        load_config(tree=wrong)
    found = "\n".join(raised.value.problems)
    assert "source.1: Unknown key 'colums'. Did you mean 'columns'?" in found
    assert "source.1.path: there is no file or folder no/such/folder" in found
    assert "training.source_weights: Unknown value 'equl'. Did you mean 'equal'?" in found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_weights": [1, 2, 3]}, r"training\.source_weights has 3 numbers, and there are 2 sources"),
        ({"source_weights": "distance"}, r"source_weights: distance needs text of a target domain, and there is none"),
    ],
)
def test_weights_that_do_not_go_with_the_sources(tree, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config(tree=two_sources(tree, **changes))


def test_a_model_here_has_no_revisions(tree):
    message = rf"model: {tree['model']} is on this machine, and revision is main: only models on the Hub have revisions"
    with pytest.raises(ConfigError, match=message):
        load_config(tree={**tree, "revision": "main"})


def test_progress_needs_evaluations(tree, tmp_path):
    (tmp_path / "target.jsonl").write_text('{"text": "x", "label": "a"}\n')
    made = {**tree, "target": {"path": str(tmp_path / "target.jsonl")}, "log_target_scores": True}
    with pytest.raises(
        ConfigError, match=r"log_target_scores scores the target in each evaluation, and training\.eval_st"
    ):
        load_config(tree=made, overrides=[("training.eval_strategy", "no")])


def test_weights_are_for_tasks_that_keep_sources_apart(tree):
    weighted = two_sources(tree, source_weights="equal")
    message = "training.source_weights is equal, and extractive_summarization joins the texts of all sources. Leave it"
    with pytest.raises(ConfigError, match=message):
        load_config(tree={**weighted, "task": "extractive_summarization"})


def test_a_source_that_is_not_in_the_list(tree):
    with pytest.raises(ConfigError, match=r"--source\.2\.path: Unknown source '2'\. Sources: 0, 1"):
        load_config(tree=two_sources(tree), overrides=[("source.2.path", "x")])


def test_weights_of_one_source_or_of_none(tree):
    with pytest.raises(ConfigError, match=r"training\.source_weights is equal, and there is one source\. Leave it out"):
        load_config(tree=tree, overrides=[("training.source_weights", "equal")])
    with pytest.raises(
        ConfigError, match=r"source is an empty list: the domain that is learned from, or a list of such"
    ):
        load_config(tree={**tree, "source": []})


EXPERIMENTS = [file for room in ("", "lex_glue/", "smoke/") for file in sorted(ROOT.glob(f"configs/{room}*.yaml"))]


@pytest.mark.parametrize("file", [f for f in EXPERIMENTS if f.name != "benchmark.yaml"], ids=lambda f: f.stem)
def test_every_config_is_valid_and_names_its_command_and_a_folder_of_its_own(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for key in ("source", "target"):  # the data are not part of the project
        corpora = read_yaml(file).get(key) or {}
        for corpus in corpora if isinstance(corpora, list) else [corpora]:
            if path := corpus.get("path"):
                Path(path).mkdir(parents=True)
    if (model := str(read_yaml(file)["model"])).startswith(("runs/", "configs/")):  # of another run, or of the project
        Path(model).mkdir(parents=True)
    config = load_config([file])
    relative = file.relative_to(ROOT)
    assert file.read_text().splitlines()[0] == f"# accelerate launch scripts/train.py --config {relative}"
    assert config.training.output_dir == f"runs/{relative.relative_to('configs').with_suffix('')}"


def test_the_hub_experiments_are_complete():
    names = {file.stem for file in (ROOT / "configs/lex_glue").glob("*.yaml")}
    assert names == {
        f"{corpus}_{model}{lora}"
        for corpus in ("ledgar", "unfair_tos", "scotus")
        for model in ("bert", "legal_bert", "modernbert")
        for lora in ("", "_lora")
    }
    published = load_config([ROOT / "configs/lex_glue/ledgar_legal_bert.yaml"])
    batch = published.training.per_device_train_batch_size * published.training.gradient_accumulation_steps
    assert (published.model, published.training.learning_rate, batch) == ("nlpaueb/legal-bert-base-uncased", 3e-5, 8)
    assert published.training.early_stopping_patience == 3
    assert (published.source.hub, published.source.name) == ("coastalcph/lex_glue", "ledgar")


@pytest.mark.parametrize("file", sorted((ROOT / "configs/accelerate").glob("*.yaml")), ids=lambda f: f.stem)
def test_accelerate_reads_every_launcher_file(file):
    from accelerate.commands.config.config_args import load_config_from_file

    assert f"--config_file configs/accelerate/{file.name}" in file.read_text().splitlines()[0]
    loaded = load_config_from_file(str(file))
    assert loaded.num_processes >= 1


def test_null_is_taken_where_the_type_says_so(tree):
    assert load_config(tree=tree, overrides=[("attention_dropout", None)]).attention_dropout is None
    with pytest.raises(
        ConfigError, match=r"training.attention_dropout is 0.2; in a configuration it stands at the top"
    ):
        load_config(tree=tree, overrides=[("training.attention_dropout", 0.2)])
    assert problems(tree, ("training.seed", None)) == ["training.seed is null; expected int."]


def test_the_output_folder_has_no_default(tree):
    training = {key: value for key, value in tree["training"].items() if key != "output_dir"}
    missing = ["training.output_dir is missing: the folder that the run writes to, such as runs/first."]
    assert problems({**tree, "training": training}) == missing
    assert problems({**tree, "training": {**training, "output_dir": None}}) == missing
    assert missing[0] in problems({**tree, "training": {**training, "output_dir": None, "seed": "x"}})


def test_paths_that_no_file_can_have(tree):
    (found,) = problems(tree, ("training.output_dir", "runs/a\0b"))
    assert found.startswith(r"training.output_dir: 'runs/a\x00b' cannot be used: ")
    assert "source.path: 'xxx" in problems(tree, ("source.path", "x" * 300))[0]
    assert problems(tree, ("source.path", "x" * 300))[0].endswith("File name too long. Name another path.")


def test_a_path_that_may_not_be_looked_at(tree, monkeypatch):
    looked_at = Path.lstat

    def refuse(path):
        if path == Path("private/tokenizer"):
            raise PermissionError(13, "Permission denied", str(path))
        return looked_at(path)

    monkeypatch.setattr(Path, "lstat", refuse)
    assert problems(tree, ("tokenizer", "private/tokenizer")) == [
        "tokenizer: 'private/tokenizer' cannot be used: Permission denied. Name another path."
    ]


def test_numbers_that_are_none(tree):
    found = problems(
        tree, ("training.learning_rate", float("nan")), ("training.adam_beta1", 1.0), ("training.seed", -1)
    )
    assert found == [
        "training.learning_rate is nan; expected 0 or more.",
        "training.adam_beta1 is 1.0; expected 0 <= value < 1.",
        "training.seed is -1; expected 0 to 4294967295.",
    ]


def test_long_values_are_shown_short(tree):
    assert problems(tree, ("training.seed", "x" * 9000))[0].endswith("xxx… (9,002 characters); expected int.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [lol, lol]\nb: &b [*a, *a]\nc: [*b, *b]\n", None),
        ("a: &a [*a]\n", "not valid YAML: lists or mappings lie more than 50 deep in one another."),
        ("a: " + "[" * 20_000, "not valid YAML: lists or mappings lie more than 50 deep in one another."),
        ("a: 2001-99-99\n", "not valid YAML: a value cannot be read (month must be in 1..12)."),
    ],
)
def test_yaml_that_is_more_than_a_configuration(tmp_path, text, expected):
    (tmp_path / "c.yaml").write_text(text)
    if expected is None:
        assert read_yaml(tmp_path / "c.yaml")["c"] == [[["lol", "lol"]] * 2] * 2
    else:
        with pytest.raises(ConfigError, match=re.escape(expected)):
            read_yaml(tmp_path / "c.yaml")


def test_aliases_that_stand_for_more_than_memory_holds(tmp_path):
    lines = ["a0: &a0 lol"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (tmp_path / "c.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="with its aliases written out it has more than 4,194,304 characters"):
        read_yaml(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("# x\n" * (1 << 19))
    with pytest.raises(ConfigError, match=r"c\.yaml has more than 1 MiB: that is no configuration\."):
        read_yaml(tmp_path / "c.yaml")


def test_every_section_has_its_fields():
    sections = {section.title: section for section in help_sections()}
    expected = ["experiment", "source", "target", *(f"task: {name}" for name in TASKS)]
    assert list(sections) == [*expected, *(f"method: {name}" for name in METHODS), "training"]
    fields = {path: (default, text) for path, _, default, text in sections["experiment"].fields}
    assert fields["methods"][0] is None and "null is full_fine_tuning, and adapt too" in fields["methods"][1]
    assert "source" not in fields and fields["model"][0] == ""
    assert next(path for path, *_ in sections["method: mmd"].fields).startswith("methods.mmd.")


def test_training_lists_ours_and_all_on_request():
    ours = help_sections()[-1]
    (everything,) = help_training()
    assert "Ours are shown; --help training shows all. The defaults here are Trainer's; " in ours.text
    names = {path for path, *_ in everything.fields}
    assert {path for path, *_ in ours.fields} < names and "training.learning_rate" in names


def test_a_corpus_has_the_name_of_its_parameter():
    (section,) = help_corpus("corpus")
    assert section.title == "corpus" and "corpus.path" in [path for path, *_ in section.fields]
