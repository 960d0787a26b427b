"""The rows of a case: a fixed random draw from the corpus, encoded as in a run."""

from dataclasses import dataclass, replace

import numpy as np
from accelerate import PartialState
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from nlp_transfer import Corpus
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.data.merging import load_sources
from nlp_transfer.errors import DataError
from nlp_transfer.models.tokenizer_loading import load_tokenizer
from nlp_transfer.tasks import FittedTask
from scripts.benchmark.settings import Settings

DRAW_SEED = 0
"""Of the draw of rows; apart from training seeds, so that all seeds and both sides see the same rows."""


@dataclass(frozen=True)
class CaseRows:
    """Hold the rows of a case.

    Args:
        texts: the drawn rows as texts, splits `train`, `validation` and `test`.
        encoded: the same rows as token ids.
        task: what is predicted.
        tokenizer: the model's.
    """

    texts: Corpus
    encoded: dict[str, Dataset]
    task: FittedTask
    tokenizer: PreTrainedTokenizerBase

    def lengths(self, split: str) -> list[int]:
        """Return the number of real tokens of each row."""
        return [int(length) for length in self.encoded[split]["length"]]


def load_rows(config: Experiment, settings: Settings) -> CaseRows:
    """Load, draw and encode the rows of a case.

    Raises:
        DataError: the corpus cannot be read, or has fewer rows than the case wants.
    """
    with PartialState().main_process_first():
        whole = load_sources(config.sources, labeled=True)
        texts = draw(
            whole, {"train": settings.rows, "validation": settings.validation_rows, "test": settings.test_rows}
        )
        task = config.task.fit(texts)
        tokenizer = load_tokenizer(config.model_reference)
        return CaseRows(texts, task.encode(texts, tokenizer), task, tokenizer)


def draw(corpus: Corpus, sizes: dict[str, int]) -> Corpus:
    """Return the corpus with a fixed random draw of rows in each split.

    Raises:
        DataError: a split has fewer rows.
    """
    problems = [
        f"{corpus.origin}: {name} has {len(corpus.splits.get(name, ())):,} rows, and the case wants {size:,}. Lower "
        f"its {'rows' if name == 'train' else f'{name}_rows'}."
        for name, size in sizes.items()
        if len(corpus.splits.get(name, ())) < size
    ]
    if problems:
        raise DataError(problems)
    drawn = {}
    for name, size in sizes.items():
        chosen = np.random.default_rng(DRAW_SEED).permutation(len(corpus.splits[name]))[:size]
        drawn[name] = corpus.splits[name].select(chosen)
    return replace(corpus, splits=drawn)
