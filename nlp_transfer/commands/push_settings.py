"""Hold the options of a push, which the command line and `training.push_to_hub` set."""

from dataclasses import dataclass

from nlp_transfer.config.experiment import Experiment


@dataclass(frozen=True)
class PushSettings:
    """Hold the options of a push.

    Args:
        what: model, adapter, or both: the model with the adapter in a folder; null is the model, if the run has one.
        public: let everyone read a new repository.
        revision: a branch, made where there is none; null is main.
        license: for the card, as the Hub names it, such as apache-2.0.
        language: of the texts, for the card, such as en.
        card: take this card as it is; it is scanned as well.
        allow: keys of the scan's findings to let pass.
        run: the run of a model's extractor, where it was moved.
        skip_overlap_check: do not look for words of the corpus, where it is not at hand.
        allow_existing: push into a repository that holds files of no push of ours.
    """

    what: str | None = None
    public: bool = False
    revision: str | None = None
    license: str | None = None
    language: list[str] | None = None
    card: str | None = None
    allow: list[str] | None = None
    run: str | None = None
    skip_overlap_check: bool = False
    allow_existing: bool = False

    @classmethod
    def of(cls, config: Experiment) -> "PushSettings":
        """Return the settings of `training.push_to_hub`."""
        return cls(public=config.training.hub_private_repo is False, revision=config.training.hub_revision)
