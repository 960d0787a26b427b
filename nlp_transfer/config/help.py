"""List the fields of a configuration for `--help`."""

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.config.field_docs import HelpSection, described_fields, field_docs
from nlp_transfer.data import CorpusConfig
from nlp_transfer.methods import METHODS
from nlp_transfer.tasks import TASKS
from nlp_transfer.training.own_arguments import OwnArguments


def help_sections() -> list[HelpSection]:
    """Return every field, for `--help`; of the training arguments, our own. Imports neither torch nor transformers."""
    docs = field_docs(Experiment)
    others = ("source", "target", "task", "training")
    names = {"TransferArguments": OwnArguments}  # an annotation, for type checkers alone
    experiment = [
        (path, hint, [method.name for method in default] if path == "methods" else default, text)
        for path, hint, default, text in described_fields(Experiment, "", skip=others, names=names)
    ]
    corpora = [HelpSection.of(CorpusConfig, key, f"{key}.", docs[key]) for key in ("source", "target")]
    tasks = [HelpSection.of(task, f"task: {name}", "task.") for name, task in TASKS.items()]
    methods = [HelpSection.of(method, f"method: {name}", f"methods.{name}.") for name, method in METHODS.items()]
    text = f"{docs['training']} Ours are shown; --help.training shows all."
    training = HelpSection.of(OwnArguments, "training", "training.", text)
    return [HelpSection("experiment", "", experiment), *corpora, *tasks, *methods, training]


def help_training() -> list[HelpSection]:
    """Return all training arguments, for `--help.training`. Imports transformers."""
    from nlp_transfer.training import TransferArguments

    return [HelpSection.of(TransferArguments, "training", "training.", field_docs(Experiment)["training"])]


def help_corpus(key: str) -> list[HelpSection]:
    """Return the fields of a corpus, as `help_sections` gives them."""
    return [HelpSection.of(CorpusConfig, key, f"{key}.", "")]
