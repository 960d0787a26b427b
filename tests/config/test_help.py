"""What `--help` lists."""

from nlp_transfer.config.help import help_corpus, help_sections, help_training
from nlp_transfer.methods import METHODS
from nlp_transfer.tasks import TASKS


def test_every_section_has_its_fields():
    sections = {section.title: section for section in help_sections()}
    expected = ["experiment", "source", "target", *(f"task: {name}" for name in TASKS)]
    assert list(sections) == [*expected, *(f"method: {name}" for name in METHODS), "training"]
    fields = {path: (default, text) for path, _, default, text in sections["experiment"].fields}
    assert fields["methods"][0] == ["full_fine_tuning"]
    assert "source" not in fields and fields["model"][0] == ""
    assert next(path for path, *_ in sections["method: mmd"].fields).startswith("methods.mmd.")


def test_training_lists_ours_and_all_on_request():
    ours = help_sections()[-1]
    (everything,) = help_training()
    assert ours.text.endswith("Ours are shown; --help.training shows all.")
    names = {path for path, *_ in everything.fields}
    assert {path for path, *_ in ours.fields} < names and "training.learning_rate" in names


def test_a_corpus_has_the_name_of_its_parameter():
    (section,) = help_corpus("corpus")
    assert section.title == "corpus" and "corpus.path" in [path for path, *_ in section.fields]
