"""Trained models and all that is needed to use them, as `nlp_transfer.tasks.saved_models.load` gives them."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.metrics.sentence_selection import SummaryLength, chosen_sentences
from nlp_transfer.tasks.summarization.abstractive import TRUNCATE
from nlp_transfer.tasks.summarization.extractive import length_problems

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.summary_pairs import PairEncoder, Ranking
    from nlp_transfer.models.speed.inference import Network


_ONE_TEXT = {"num_return_sequences", "return_dict_in_generate", "transformers_version"}
"""Settings with which a text would have no summary, or several."""

_OWN_MODES = {"greedy_search", "sample", "beam_search", "beam_sample"}
"""Ways of writing that transformers has code of its own for, and that write several texts at once."""


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier and all that is needed to use it.

    Args:
        model: float32, on the CPU, in evaluation mode; or an exported one (tasks/onnx_backend.py).
        tokenizer: cuts texts at `max_length` when asked to truncate.
        label_names: the classes in the order of their ids.
        multi_label: whether a text may have any number of labels.
        max_length: tokens a text is cut to.
        thresholds: the probability from which each label is predicted, shape (classes,); multi-label only.
        origin: where it was loaded from.
    """

    model: "Network"
    tokenizer: "PreTrainedTokenizerBase"
    label_names: list[str]
    multi_label: bool
    max_length: int
    thresholds: np.ndarray
    origin: str

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Sigmoid of multi-label logits, softmax of single-label ones; shape (rows, classes)."""
        from scipy.special import expit, softmax

        logits = np.asarray(logits, dtype=np.float64)
        return expit(logits) if self.multi_label else softmax(logits, axis=-1)

    def predictions(self, probabilities: np.ndarray) -> np.ndarray:
        """Class ids, shape (rows,); for multi-label 0/1, shape (rows, classes)."""
        if self.multi_label:
            return (probabilities >= self.thresholds).astype(int)
        return probabilities.argmax(axis=-1)


@dataclass(frozen=True)
class TrainedSummarizer:
    """A trained extractive summariser and all that is needed to use it.

    Args:
        model: float32, on the CPU, in evaluation mode; see `nlp_transfer.models.heads.extractive`.
        tokenizer: of its encoder.
        max_length: tokens of a window.
        overlap: tokens that a window may repeat of the one before.
        budget: how much of a document a summary takes.
        block_trigrams: whether sentences are passed over that say again what is taken.
        origin: where it was loaded from.
    """

    model: "Network"
    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    overlap: int
    budget: SummaryLength
    block_trigrams: bool
    origin: str

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        """The numbers of the sentences that a summary takes, by their scores."""
        return chosen_sentences(scores, sentences, self.budget, block_trigrams=self.block_trigrams)

    def selecting(self, length_unit: str | None = None, length: float | None = None) -> "TrainedSummarizer":
        """The same one with other settings of `ExtractiveSummarization`; None keeps what it has.

        Raises:
            ConfigError: they are none.
        """
        unit = self.budget.unit if length_unit is None else length_unit
        size = self.budget.size if length is None else length
        if problems := length_problems(unit, size, "--"):
            raise ConfigError(problems)
        return replace(self, budget=SummaryLength(unit, size))


@dataclass(frozen=True)
class TrainedAbstractiveSummarizer:
    """A network that writes summaries and all that is needed to use it.

    Args:
        model: float32, on the CPU, in evaluation mode.
        tokenizer: its own.
        max_length: tokens that it reads at once.
        max_summary_length: tokens of a reference, where one is encoded.
        long_documents: how longer documents are read; see `AbstractiveSummarization`.
        prefix: is put before each text.
        baseline_sentences: how many sentences a baseline takes that stands beside it.
        extractor: picks what is read of a long document, where `long_documents` is `extract`.
        origin: where it was loaded from.
        generation: how it writes; None is as the model's `generation_config` says.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    max_summary_length: int
    long_documents: str
    prefix: str
    baseline_sentences: int
    extractor: TrainedSummarizer | None
    origin: str
    generation: "GenerationConfig | None" = None

    def writing(self, **settings: Any) -> "TrainedAbstractiveSummarizer":
        """The same one with other settings of its `GenerationConfig`, such as `num_beams` or `max_new_tokens`.

        They are tried at once, with one step, since `GenerationConfig` takes nearly any value for nearly any setting.

        Raises:
            ConfigError: there is no such setting, it cannot have this value, it changes what comes of one text, or it
                asks for a way of writing that takes one text at a time, or whose code transformers would fetch and run.
        """
        if not settings:
            return self
        config = copy.deepcopy(self.generation or self.model.generation_config)
        assert config is not None, "a network that writes has one"
        names = set(config.to_dict()) - _ONE_TEXT
        if unknown := [name for name in settings if name not in names]:
            raise ConfigError([did_you_mean("generation setting", name, sorted(names)) for name in unknown])
        try:
            config.update(**settings)
            mode = config.get_generation_mode()
            if mode in _OWN_MODES:
                self._try(config)
        except Exception as error:  # whatever comes of a value that no type was asked of
            given = ", ".join(f"{name}={value}" for name, value in settings.items())
            raise ConfigError(f"{given}: it cannot write so: {' '.join(str(error).split())}") from error
        if mode not in _OWN_MODES:
            raise ConfigError(
                f"{', '.join(settings)}: with these it writes by {mode.value.replace('_', ' ')}; expected "
                f"{', '.join(sorted(_OWN_MODES)).replace('_', ' ')}. Leave out what asks for another."
            )
        return replace(self, generation=config)

    def _try(self, config: "GenerationConfig") -> None:
        """One step of writing; raises whatever transformers does."""
        import torch

        network: Any = self.model
        text = torch.tensor([self.tokenizer("a")["input_ids"]], device=network.device)

        def at_once(ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.ones(len(ids), dtype=torch.bool, device=ids.device)

        with torch.inference_mode():
            network.generate(text, generation_config=config, stopping_criteria=[at_once])

    def encoder(self, ranking: "Ranking | None" = None) -> "PairEncoder":
        """What makes rows of documents.

        Args:
            ranking: ranks sentences by `extractor`, where there is one.
        """
        from nlp_transfer.data.encoding.summary_pairs import PairEncoder

        return PairEncoder(
            self.tokenizer,
            self.max_length,
            self.max_summary_length,
            prefix=self.prefix,
            whole=self.long_documents == TRUNCATE,
            ranking=ranking,
        )
