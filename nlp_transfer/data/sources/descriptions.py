"""Read the descriptions of classes as a corpus of one training row a class: zero-shot, without any labelled text."""

from dataclasses import replace
from functools import partial

from nlp_transfer.data.corpus import CorpusConfig, SplitConfig
from nlp_transfer.data.descriptions import DESCRIPTION_ID
from nlp_transfer.data.source import CorpusReader, RawSplit, batches
from nlp_transfer.errors import DataError


def description_source(config: CorpusConfig, key: str) -> tuple[CorpusReader, CorpusConfig]:
    """Return the source of a configuration that has descriptions and nothing else, and how it is read.

    Raises:
        DataError: a description is blank, or there is one alone.

    Example:
        >>> config = CorpusConfig(descriptions={"tax": "about taxes", "tort": "about damage"})
        >>> description_source(config, "source")[0].origin
        'descriptions of 2 classes'
    """
    problems = [
        f"{key}.descriptions.{name} is blank." for name, text in config.descriptions.items() if not text.strip()
    ]
    if len(config.descriptions) < 2:
        problems.append(f"{key}.descriptions describes one class; a classifier needs two or more.")
    if problems:
        raise DataError(problems)
    rows = [
        {"id": f"{DESCRIPTION_ID}{name}", "text": text, "label": name} for name, text in config.descriptions.items()
    ]
    train = RawSplit(f"{key}.descriptions", partial(batches, list(enumerate(rows, 1))))
    whole = replace(config, descriptions={}, split=SplitConfig(method="given", validation=0.0))
    return CorpusReader(f"descriptions of {len(rows)} classes", {"train": train}), whole
