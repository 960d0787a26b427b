"""Faults of the words on the command line."""

from hypothesis import strategies as st

from tests.broken.settings import SettingFaults

FAULTS = SettingFaults()


@FAULTS.add
def override_of_an_unknown_path(settings, choose):
    path, words = choose(
        st.sampled_from(
            [
                ("modle", "Unknown key 'modle'"),
                ("training.learningrate", "training: Unknown key 'learningrate'"),
                ("task.max.length", "task: Unknown key 'max'"),
                ("source.split.metod", "source.split: Unknown key 'metod'"),
                ("source.split.method.name", "source.split.method"),
                ("model.name", "--model.name: model is"),
                ("methods.dora.r", "methods.0: Unknown method 'dora'"),
                ("methods.lora.rank", "methods.0: Unknown key 'rank'"),
                ("training.output_dir.x", "--training.output_dir.x: training.output_dir is"),
                ("training.", "training: Unknown key ''"),
                ("training..seed", "training: Unknown key ''"),
                (".", "Unknown key ''"),
                ("methods.\u00b2", "methods"),
            ]
        )
    )
    settings.options = [f"--{path}", choose(st.sampled_from(["3", "x", "[1]", "{a: 1}"]))]
    return (words,)


@FAULTS.add
def override_of_a_wrong_value(settings, choose):
    path, value = choose(
        st.sampled_from(
            [
                ("training.learning_rate", "fast"),
                ("training.learning_rate", "[1, 2"),
                ("training.learning_rate", "[[[[[1]]]]]"),
                ("training.seed", "1.5"),
                ("training.seed", "null"),
                ("task.max_length", "{a: 1}"),
                ("training", "3"),
                ("source", "[a]"),
                ("task.max_length", "!!python/object/apply:os.getcwd []"),
                ("source.split.validation", "2001-01-01"),
            ]
        )
    )
    settings.options = [f"--{path}={value}"]
    return (path,)


@FAULTS.add
def words_that_are_no_option(settings, choose):
    words = choose(
        st.sampled_from([["extra"], ["-x"], ["--training.seed"], ["--"], ["--=3"], ["seed=3"], ["--model", "a", "b"]])
    )
    settings.options = words
    return (words[-1], "expected")
