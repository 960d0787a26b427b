"""Masked language modeling: pretrain an encoder further on unlabelled text (DAPT, TAPT)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import ConfigError
from nlp_transfer.metrics.metric import Scores, TokenRows
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import FittedTask, Predictions, Task
from nlp_transfer.tasks.headline import interval_text
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.vocabulary import AddedWords
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference


_PYTHON = """from transformers import pipeline

fill = pipeline("fill-mask", model="{model}")
print(fill(f"A text with one word {{fill.tokenizer.mask_token}} out."))"""

_WORDING = Wording(
    unit="rows",
    legend="The loss is the mean over masked tokens, the perplexity its exponential; both sides guess the same tokens.",
    purpose="It is an encoder to go on from, on texts like those it learned from; alone it guesses hidden words.",
    usage=f"Name `{{model}}` as the `model` of another run.\n\n```python\n{_PYTHON}\n```",
    hub_usage=_PYTHON,
    not_for=(
        "It is not for other kinds of texts or other languages, and what it guesses is no statement of fact. What is "
        "built on it is not for decisions about people without a person who reads the text."
    ),
    pipeline_tag="fill-mask",
)


@final
@dataclass(frozen=True)
class MaskedLanguageModeling(Task):
    """Learn a domain's language from its texts.

    Args:
        max_length: maximum number of tokens of a row, special tokens included; longer texts take several rows.
        extend_positions: repeat the position embeddings of an encoder that has fewer than `max_length`.
        mask_probability: share of words (or tokens) that are masked.
        whole_words: mask words with all their tokens, not single tokens.
        num_new_tokens: number of words of the training texts that are added to the tokenizer.
        min_frequency: minimum number of occurrences of an added word.

    Example:
        >>> MaskedLanguageModeling(max_length=64).fit(load_corpus(CorpusConfig("corpus"))).label_names
        ()
    """

    name: ClassVar[str] = "masked_language_modeling"
    citation: ClassVar[str] = "Gururangan et al. (2020), https://arxiv.org/abs/2004.10964"
    primary_metric: ClassVar[str] = "perplexity"
    selection_metric: ClassVar[str] = "loss"
    scores_untrained: ClassVar[bool] = True
    scored_rows: ClassVar[tuple[type, ...]] = (TokenRows,)
    wording: ClassVar[Wording] = _WORDING
    auto_class: ClassVar[str] = "AutoModelForMaskedLM"

    max_length: int = 512
    extend_positions: bool = False
    mask_probability: float = 0.15
    whole_words: bool = True
    num_new_tokens: int = 0
    min_frequency: int = 20

    def __post_init__(self) -> None:
        """Check the values."""
        problems = size_problems("task.", vars(self))
        if self.max_length < 3:
            problems.append(f"task.max_length is {self.max_length}; a row needs at least 3 tokens.")
        if not 0 < self.mask_probability < 1:
            problems.append(f"task.mask_probability is {self.mask_probability}; expected 0 < value < 1.")
        if self.num_new_tokens < 0:
            problems.append(f"task.num_new_tokens is {self.num_new_tokens}; expected 0 or more.")
        if self.min_frequency < 1:
            problems.append(f"task.min_frequency is {self.min_frequency}; expected 1 or more.")
        if problems:
            raise ConfigError(problems)

    @classmethod
    def headline(cls, where: str, scores: Scores, others: Mapping[str, Scores]) -> str:
        """Return a sentence with the perplexity, and that of the model before training."""
        metric = METRICS[cls.primary_metric]
        sentence = (
            f"On {scores['masked_tokens']:,} masked tokens of {where} the model's perplexity is "
            f"{metric.format(scores[metric.name])}{interval_text(metric, scores)}"
        )
        for name, one in others.items():
            sentence += f"; {metric.format(one[metric.name])} {name}"
            ends = [one[key] for end in ("low", "high") if (key := f"{metric.name}_gain_{end}") in one]
            signed = [f"{'-' if end < 0 else '+'}{metric.format(abs(end))}" for end in ends]
            sentence += f" (95 % interval of the difference {' to '.join(signed)})" if signed else ""
        return f"{sentence}."

    def fit(self, corpus: Corpus) -> "FittedMaskedLanguageModeling":
        """Return the task; it needs nothing of the corpus."""
        return FittedMaskedLanguageModeling(self)


@final
class FittedMaskedLanguageModeling(FittedTask):
    """Masked language modeling on a corpus."""

    config: MaskedLanguageModeling
    _new_words: "AddedWords | None" = None

    @property
    def cut_at(self) -> None:
        """None: a later run decides at which length it truncates texts."""
        return

    def fit_tokenizer(self, corpus: Corpus, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Add words of the domain to the tokenizer; raise ConfigError if it has no mask token, or no words."""
        from nlp_transfer.data.encoding.vocabulary import add_domain_words

        if tokenizer.mask_token_id is None:
            raise ConfigError("task: masked_language_modeling needs a tokenizer with a mask token; this one has none.")
        if not tokenizer.is_fast:
            raise ConfigError("task: masked_language_modeling needs a fast tokenizer (tokenizer.json); this is slow.")
        if not self.config.num_new_tokens:
            return

        def texts() -> Iterator[str]:
            for batch in corpus.splits["train"].select_columns(["text"]).iter(1000):
                yield from batch["text"]

        self._new_words = found = add_domain_words(
            tokenizer, texts(), most=self.config.num_new_tokens, min_frequency=self.config.min_frequency
        )
        saved = f"{found.tokens_before - found.tokens_after:,.0f} of {found.tokens_before:,.0f}"
        self.facts = {
            "new words": f"{len(found.words):,}: {', '.join(found.words[:10])}{', …' if len(found.words) > 10 else ''}"
            if found.words
            else f"none: no word of several pieces comes {self.config.min_frequency:,} times",
            "tokens saved by new words": f"{saved} per 1,000 words of training text",
        }

    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return id, input_ids, words, length and held_out, and of several sources `domain`."""
        from nlp_transfer.data.corpus import DOMAIN_COLUMN
        from nlp_transfer.data.encoding.masking import HELD_OUT
        from nlp_transfer.data.encoding.token_chunks import encode_token_chunks

        keep = (DOMAIN_COLUMN,) if DOMAIN_COLUMN in rows.column_names else ()
        encoded = encode_token_chunks(rows, tokenizer, max_length=self.max_length, fingerprint=fingerprint, keep=keep)
        return encoded.add_column(HELD_OUT, np.full(len(encoded), split != "train"))

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the masked words, and the text with masks."""
        batch = self.collator(tokenizer)([row])
        asked = batch["labels"][batch["labels"] >= 0].tolist()
        return f"guess: {tokenizer.decode(asked)}", str(tokenizer.decode(batch["input_ids"][0][: row["length"]]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a masked-LM head and embeddings for new words."""
        from nlp_transfer.models.heads.masked_lm import add_embeddings, load_masked_lm
        from nlp_transfer.models.positions import fit_positions

        loaded = load_masked_lm(reference)
        loaded = fit_positions(loaded, self.max_length, reference.model, repeat=self.config.extend_positions)
        add_embeddings(loaded.model, self._new_words.pieces if self._new_words is not None else {})
        return loaded

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """Return the collator that pads rows and draws masks."""
        from nlp_transfer.data.encoding.collators import padding_collator
        from nlp_transfer.data.encoding.masking import MaskingCollator, TokenMasker

        masks = TokenMasker.of(tokenizer, probability=self.config.mask_probability, whole_words=self.config.whole_words)
        return MaskingCollator(padding_collator(tokenizer, compiled=compiled), masks, seed)

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the metrics of rows; for the shape of `logits` see `TokenRows`."""
        from nlp_transfer.metrics.table import compute_scores

        return compute_scores(TokenRows(logits, interval))

    def gains(self, ours: Predictions, theirs: Predictions) -> dict[str, float]:
        """Return the interval of the difference of perplexities."""
        from nlp_transfer.metrics.perplexity import perplexity_gain

        return perplexity_gain(ours.logits, theirs.logits)
