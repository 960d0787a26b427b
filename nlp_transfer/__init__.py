"""Move pretrained BERT-family encoders into specialised text.

    from nlp_transfer import TransferTrainer, TransferArguments

in place of `Trainer` and `TrainingArguments`; or, for a whole experiment with search, source-only baseline and push,

    from nlp_transfer import Experiment, TransferArguments, load, run

    report = run(Experiment("bert-base-cased", source="clauses.csv", training=TransferArguments("runs/clauses")))
    predictions = load("runs/clauses").predict(["any permitted use"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# ruff: noqa: F401  # the names are for type checkers
if TYPE_CHECKING:
    from nlp_transfer.commands.recommendation import recommend
    from nlp_transfer.commands.run import run
    from nlp_transfer.commands.search import search
    from nlp_transfer.config.experiment import Experiment, load_config
    from nlp_transfer.data.corpus import Corpus, CorpusConfig, SplitConfig
    from nlp_transfer.data.loading import corpus_from, load_corpus
    from nlp_transfer.metrics.label_shift import estimate_label_shift
    from nlp_transfer.models.heads.extractive import register_models
    from nlp_transfer.reporting.diagnosis.page import diagnose
    from nlp_transfer.tasks.pipelines import register_pipelines
    from nlp_transfer.tasks.saved_models import load
    from nlp_transfer.training.arguments import Seq2SeqTransferArguments, TransferArguments
    from nlp_transfer.training.recipe import train_source_only
    from nlp_transfer.training.seq2seq import Seq2SeqTransferTrainer
    from nlp_transfer.training.target_evaluation import compare_on_target, correct_prior, estimate_shift
    from nlp_transfer.training.trainer import TransferTrainer
    from nlp_transfer.training.weight_average import average_with

__version__ = "0.1.0"

_ROOMS = {
    "reporting.diagnosis.page": ("diagnose",),
    "commands.recommendation": ("recommend",),
    "commands.search": ("search",),
    "config.experiment": ("Experiment", "load_config"),
    "data.corpus": ("Corpus", "CorpusConfig", "SplitConfig"),
    "data.loading": ("corpus_from", "load_corpus"),
    "tasks.saved_models": ("load",),
    "metrics.label_shift": ("estimate_label_shift",),
    "models.heads.extractive": ("register_models",),
    "tasks.pipelines": ("register_pipelines",),
    "commands.run": ("run",),
    "training.arguments": ("Seq2SeqTransferArguments", "TransferArguments"),
    "training.recipe": ("train_source_only",),
    "training.seq2seq": ("Seq2SeqTransferTrainer",),
    "training.target_evaluation": ("compare_on_target", "correct_prior", "estimate_shift"),
    "training.weight_average": ("average_with",),
    "training.trainer": ("TransferTrainer",),
}

__all__ = sorted(name for names in _ROOMS.values() for name in names)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package stays quick."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"nlp_transfer.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, which the module's own namespace lacks until they are used."""
    return [*__all__, "__version__"]
