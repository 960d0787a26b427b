"""What a corpus says of itself, and which settings do not fit together."""

from datasets import ClassLabel, Dataset, Features, List, Value

from nlp_transfer import Corpus, CorpusConfig, SplitConfig


def test_labels_are_read_off_the_first_split_that_has_them() -> None:
    plain = Dataset.from_dict({"id": ["1"], "text": ["x"]})
    features = Features({"id": Value("string"), "text": Value("string"), "labels": List(ClassLabel(names=["p", "q"]))})
    labelled = Dataset.from_dict({"id": ["2"], "text": ["y"], "labels": [[1]]}, features=features)
    corpus = Corpus("here", {"unlabeled": plain, "test": labelled}, (), "")
    assert (corpus.label_column, corpus.multi_label, corpus.label_names) == ("labels", True, ["p", "q"])
    bare = Corpus("here", {"unlabeled": plain}, (), "")
    assert (bare.label_column, bare.multi_label, bare.label_names) == (None, False, [])


def test_good_settings_have_no_problems() -> None:
    for config in (
        CorpusConfig(path="x"),
        CorpusConfig(hub="a/b", name="c", revision="d"),
        CorpusConfig(builtin="licenses"),
    ):
        assert config.problems("source") == []


def test_problems_name_the_setting_and_the_way_out() -> None:
    def only(config: CorpusConfig) -> str:
        (problem,) = config.problems("target")
        return problem

    assert only(CorpusConfig()) == (
        "target names no source; give exactly one of target.path, target.hub and target.builtin."
    )
    assert only(CorpusConfig(path="x", hub="y")).startswith("target names path and hub; give exactly one of")
    assert only(CorpusConfig(path="x", name="c")).startswith("target.name is set, but only a Hub dataset has one")
    assert only(CorpusConfig(path="x", splits={"dev": "d"})) == (
        "target.splits: Unknown split 'dev'. Splits: train, validation, calibration, test, unlabeled."
    )
    assert only(CorpusConfig(path="x", columns={"a": "text", "b": "text"})) == (
        "target.columns renames a and b to 'text'; name one of them."
    )
    assert only(CorpusConfig(path="x", label_names=["a", "a"])) == "target.label_names repeats a name: a, a."


def test_split_problems() -> None:
    def only(**settings: object) -> str:
        (problem,) = SplitConfig(**settings).problems("source.split")  # type: ignore[arg-type]
        return problem

    assert only(method="group") == (
        "source.split.method: Unknown method 'group'. Did you mean 'grouped'? "
        "Methods: auto, given, stratified, grouped, near_duplicate."
    )
    assert only(validation=1.5).startswith(
        "source.split.validation is 1.5; a share of the rows is at least 0 and below 1"
    )
    assert only(validation=0.5, test=0.5).startswith(
        "source.split.validation + source.split.test + source.split.calibration is 1; expected less than 1."
    )
    assert only(similarity=0.0).startswith("source.split.similarity is 0.0; it is above 0 and at most 1")
    assert only(method="grouped").startswith("source.split.method is 'grouped', but source.split.column does not say")
    assert only(method="stratified", column="x").startswith(
        "source.split.column is 'x', which only source.split.method 'grouped'"
    )
    assert SplitConfig(method="grouped", column="x").problems("s") == []
