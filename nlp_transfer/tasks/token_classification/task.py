"""Token classification: find the entities of texts, marked by their characters (column `spans`)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from nlp_transfer.data.corpus import Corpus, calibration_split
from nlp_transfer.data.encoding.token_characters import UNITS
from nlp_transfer.data.validation.row_kinds import ENTITIES
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.metrics.entities import line_counts
from nlp_transfer.metrics.metric import EntityRows, Scores
from nlp_transfer.metrics.row_scores import CountScores, RowScores
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores, FittedTask, Lines, Predictions, Task
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.token_classification import ENTITY_BASELINES, NAME, ROW_KEYS
from nlp_transfer.tasks.token_classification.decision import EntityDecision, acceptance
from nlp_transfer.tasks.token_classification.wording import WORDING
from nlp_transfer.tasks.windows import repeated_tokens, window_problems
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.metrics.calibration import Calibration
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor
    from nlp_transfer.tasks.token_classification.entities import TaggedText


@final
@dataclass(frozen=True)
class TokenClassification(Task):
    """Find entities in texts of any length.

    Args:
        max_length: maximum number of tokens of a window, special tokens included; longer texts take several windows.
        overlap: maximum number of tokens that a window repeats of the one before; null is a quarter of `max_length`.
        unit: what gets a tag: `words`, of letters and digits, or `tokens`, for entities that end inside words.
        extend_positions: repeat the position embeddings of an encoder that has fewer than `max_length`.
        decision: what is made of probabilities: calibration and abstention.

    Example:
        >>> corpus = load_corpus(CorpusConfig("contracts"), kind="entities")
        >>> TokenClassification(max_length=64).fit(corpus).entity_names
        ['PERM', 'PUB']
    """

    name: ClassVar[str] = NAME
    primary_metric: ClassVar[str] = "entity_f1"
    columns: ClassVar[Columns] = Columns(labels=True, kind=ENTITIES)
    provides: ClassVar[frozenset[Output]] = frozenset(
        {Output.TOKENS, Output.TAGS, Output.POOLED, Output.ROW_LOSS, Output.HEAD}
    )
    baseline_names: ClassVar[tuple[str, ...]] = ENTITY_BASELINES
    scored_rows: ClassVar[tuple[type, ...]] = (EntityRows,)
    wording: ClassVar[Wording] = WORDING
    auto_class: ClassVar[str] = "AutoModelForTokenClassification"

    max_length: int = 512
    overlap: int | None = None
    unit: Literal["words", "tokens"] = "words"
    extend_positions: bool = False
    decision: EntityDecision = field(default_factory=EntityDecision)

    def __post_init__(self) -> None:
        """Check the values."""
        problems = size_problems("task.", vars(self))
        problems += window_problems(self.max_length, self.overlap, "a text")
        if self.unit not in UNITS:
            problems.append(f"task.unit: {did_you_mean('value', self.unit, UNITS)}")
        if problems:
            raise ConfigError(problems)

    @property
    def repeated_tokens(self) -> int:
        """The tokens that a window may repeat."""
        return repeated_tokens(self.max_length, self.overlap)

    @classmethod
    def output_names(cls, classes: Sequence[str]) -> Sequence[str]:
        """Return the names of the tags."""
        from nlp_transfer.data.encoding.token_tags import tag_names

        return tag_names(classes)

    @classmethod
    def row_scores(cls, runs: Sequence[Lines]) -> "RowScores":
        """Return the counts of entities of rows and of runs."""
        return CountScores(np.stack([line_counts(run) for run in runs]))

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return the scores of each class."""
        from nlp_transfer.tasks.token_classification.sections import class_table

        return (class_table(systems),)

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `EntityPredictor`."""
        from nlp_transfer.tasks.token_classification.predictor import EntityPredictor

        return EntityPredictor

    def fit(self, corpus: Corpus) -> "FittedTokenClassification":
        """Return the task with the classes of `corpus`; raise DataError where no entities are marked."""
        from nlp_transfer.tasks.token_classification.entities import check_marked

        check_marked(corpus)
        return FittedTokenClassification(self, corpus)


@final
class FittedTokenClassification(FittedTask):
    """A token classification task that has read its corpus."""

    config: TokenClassification
    row_keys = ROW_KEYS

    def __init__(self, config: TokenClassification, corpus: Corpus) -> None:
        from nlp_transfer.tasks.token_classification.baselines import mentions_of

        super().__init__(config)
        self.entity_names = corpus.label_names
        self.calibration_needs = ["task.decision.abstain.precision"] if config.decision.abstain.precision else []
        self.calibration: Calibration | None = None
        self.accept_from: float | None = None
        self.known = mentions_of(corpus)
        self.broken_promise = ""

    @property
    def cut_at(self) -> int | None:
        """None: texts are split into windows, which the tokenizer must not truncate."""
        return None

    def settings(self) -> dict[str, Any]:
        """Return the settings of windows, and from which probability entities are accepted."""
        level = {} if self.accept_from is None else {"accept_from": min(self.accept_from, 2.0)}
        overlap, unit = self.config.repeated_tokens, self.config.unit
        return {"max_length": self.max_length, "overlap": overlap, "unit": unit, **level}

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Raise ConfigError for a tokenizer that does not know the characters of its tokens."""
        if not tokenizer.is_fast:
            raise ConfigError(
                f"{self.name} needs the characters of each token, and this model has no fast tokenizer "
                "(tokenizer.json). Take another model."
            )
        tokenizer.padding_side = "right"

    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return the columns of `encode_tagged`."""
        from nlp_transfer.data.encoding.token_tags import encode_tagged

        encoded = encode_tagged(
            rows,
            tokenizer,
            max_length=self.max_length,
            overlap=self.config.repeated_tokens,
            unit=self.config.unit,
            fingerprint=fingerprint,
        )
        if split == "train" and "inexact" in encoded.column_names:
            entities, inexact = sum(map(len, encoded["classes"])), sum(encoded["inexact"])
            fact = f"training entities that begin or end inside {self.config.unit}"
            self.facts.setdefault(fact, f"{inexact:,} of {entities:,}")  # of the source, which comes first
        return encoded

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the entities and the window of one row."""
        from nlp_transfer.data.encoding.token_tags import tagged_places, tagged_runs

        places = tagged_places(row)
        following = [*places[1:], row["counts_to"]]
        found = [
            f"{tokenizer.decode(row['input_ids'][places[first] : following[last - 1]])} ({self.entity_names[label]})"
            for first, last, label in tagged_runs([row["labels"][place] for place in places])
        ]
        return "; ".join(found) or "no entity", str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a layer that tags tokens."""
        from transformers import AutoModelForTokenClassification

        from nlp_transfer.models.loading import load_encoder_with_head
        from nlp_transfer.models.positions import fit_positions

        names = self.config.output_names(self.entity_names)
        loaded = load_encoder_with_head(reference, label_names=names, auto_class=AutoModelForTokenClassification)
        return fit_positions(loaded, self.max_length, reference.model, repeat=self.config.extend_positions)

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """Return the collator of windows."""
        from nlp_transfer.data.encoding.collators import TagCollator, padding_collator

        return TagCollator(padding_collator(tokenizer, compiled=compiled))

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the loss of each row, shape (rows,), of sums and numbers of tokens in the place of logits."""
        from nlp_transfer.models.heads.token_losses import row_losses

        return row_losses(logits)

    def calibrate(self, logits: np.ndarray | None, labels: np.ndarray | None) -> "Calibration | None":
        """Return the temperature, fitted on tokens."""
        from nlp_transfer.metrics.calibration import temperature_scaling

        if logits is not None and labels is not None and self.config.decision.calibration != "none":
            counted = labels >= 0
            self.calibration = temperature_scaling(logits[:, : labels.shape[1]][counted], labels[counted])
        return self.calibration

    def fit_decision(
        self, logits: np.ndarray, labels: np.ndarray | None, rows: "Dataset | None" = None, *, raw: Any = None
    ) -> None:
        """Choose the probability from which entities are accepted."""
        abstain = self.config.decision.abstain
        if labels is not None and rows is not None and abstain.precision is not None:
            self.accept_from, self.broken_promise = acceptance(abstain, self.texts(logits, rows), self.entity_names)

    def texts(self, logits: np.ndarray, rows: "Dataset") -> "list[TaggedText]":
        """Return the texts of encoded windows with their logits."""
        from nlp_transfer.tasks.token_classification.entities import tagged_texts

        return tagged_texts(logits, rows, self.entity_names)

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the metrics of entities of whole texts, and the mean loss of their tokens; `rows` are needed."""
        from nlp_transfer.metrics.table import compute_scores
        from nlp_transfer.tasks.token_classification.entities import entity_rows, token_loss, with_probabilities

        if rows is None:
            raise ValueError("Entities are scored by their texts: give the encoded rows.")
        texts = self.texts(logits, rows)
        made = [one.entities(self.entity_names) for one in texts]
        scored = entity_rows(texts, made, self.entity_names, known=self.known, interval=interval)
        if interval:  # not while it trains: probabilities take longer than the rest
            scored = with_probabilities(scored, texts, self.accept_from)
        return {"loss": token_loss(texts), **compute_scores(scored)}

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield the entities of each text."""
        from nlp_transfer.tasks.token_classification.entities import text_row

        texts = self.texts(predictions.logits, encoded)
        return (text_row(one, one.found(self.entity_names, self.accept_from)) for one in texts)

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score the baselines on each split."""
        from nlp_transfer.tasks.token_classification.baselines import score_baselines

        texts = self._judged(predictions, encoded)
        return score_baselines(names, corpora["source"].splits["train"], texts, self.entity_names, self.known)

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the section on the kinds of errors, and on the decision."""
        from nlp_transfer.tasks.token_classification.sections import decision_section, error_section

        split = calibration_split(corpora["source"].splits) if "source" in corpora else ""
        decision = decision_section(self.calibration, self.accept_from, self.broken_promise, split)
        errors = error_section(self._judged(predictions, encoded), self.entity_names)
        return tuple(one for one in (decision, errors) if one is not None)

    def _judged(
        self, predictions: DomainPredictions, encoded: "Mapping[str, Mapping[str, Dataset]]"
    ) -> "dict[str, dict[str, list[TaggedText]]]":
        """Return the texts of each domain and split in which entities are marked."""
        return {
            domain: {
                split: self.texts(one.logits, encoded[domain][split]) for split, one in splits.items() if one.metrics
            }
            for domain, splits in predictions.items()
        }
