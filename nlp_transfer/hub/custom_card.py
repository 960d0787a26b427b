"""A card that a person wrote: its metadata are read, and held against those of the run.

A number of the `model-index` may be rounded, to two digits after the point or more. What the card leaves out, and
results on data that the run did not score, are the writer's own affair; so is the text.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.card import NOT_PUBLISHED
from nlp_transfer.hub.upload import TAG

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

FEWEST_DIGITS = 2
"""To how few digits after the point a number may be rounded."""


def read_card(place: Path) -> str:
    """The text of a card that can be pushed.

    Raises:
        ConfigError: there is none, its metadata cannot be read, or they lack our tag.
    """
    try:
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--card {place} cannot be read: {error}. Write one with --write_card.") from error
    if TAG not in map(str, _metadata(text, place).tags or ()):
        raise ConfigError(
            f"--card {place} lacks the tag {TAG}, by which the next push knows the repository for one of its own. Add "
            f"it to the metadata between the lines ---: tags: [{TAG}]"
        )
    return text


def check_card(text: str, made: str, place: Path) -> None:
    """Complain where a card says something else than the run.

    Args:
        text: the card.
        made: the one that the run gives.
        place: of the card, for messages.

    Raises:
        ConfigError: another base model, or other numbers, with both values.
    """
    card, run = _metadata(text, place), _metadata(made, place)
    problems = [*_other_base(card.base_model, run.base_model), *_other_numbers(card, run)]
    if problems:
        raise ConfigError([f"--card {place}: {problem}" for problem in problems])


def _metadata(text: str, place: Path) -> "ModelCardData":
    from huggingface_hub import ModelCard

    try:
        data: Any = ModelCard(text, ignore_metadata_errors=False).data
    except Exception as error:  # YAML's own errors, and the client's for values that it does not know
        raise ConfigError(
            f"--card {place}: its metadata, between the lines ---, cannot be read "
            f"({' '.join(str(error).split())[:200]})."
        ) from error
    metadata: ModelCardData = data
    return metadata


def _other_base(given: Any, made: Any) -> Iterator[str]:
    """Nothing where one of the two names none: a folder may hold a copy of what the writer knows the name of."""
    named = [given] if isinstance(given, str) else list(given or ())
    if named and made and made not in named:
        yield f"base_model is {', '.join(map(str, named))}, and the run's model is of {made}. Write base_model: {made}"


def _other_numbers(card: "ModelCardData", run: "ModelCardData") -> Iterator[str]:
    made = list(run.eval_results or ())
    for given in card.eval_results or ():
        same = _of_the_same(given, made)
        if same and not any(_agree(given.metric_value, one.metric_value) for one in same):
            values = " or ".join(dict.fromkeys(str(one.metric_value) for one in same))
            yield (
                f"{given.metric_name or given.metric_type} of {given.dataset_name}"
                f"{f', {given.dataset_split},' if given.dataset_split else ''} is {given.metric_value}, and the run's "
                f"is {values}. Write that, or leave it out."
            )


def _of_the_same(given: "EvalResult", made: Sequence["EvalResult"]) -> list["EvalResult"]:
    """The run's results that a card's result may be: of its data, as far as it names them, and its metric."""
    if given.dataset_type not in {NOT_PUBLISHED, *(one.dataset_type for one in made)}:
        return []
    for key in ("dataset_type", "dataset_config", "dataset_split"):
        near = [one for one in made if getattr(one, key) == getattr(given, key)]
        made = near or made
    by_name = [one for one in made if one.metric_name == given.metric_name]
    return by_name or [one for one in made if given.metric_name is None and one.metric_type == given.metric_type]


def _agree(given: Any, made: Any) -> bool:
    try:
        value, exact = float(given), float(made)
    except (TypeError, ValueError):
        return bool(given == made)
    if not (math.isfinite(value) and math.isfinite(exact)):
        return str(value) == str(exact)
    exponent = Decimal(str(given)).as_tuple().exponent
    digits = max(FEWEST_DIGITS, -exponent if isinstance(exponent, int) else 0)
    return math.isclose(round(exact, digits), value, rel_tol=1e-9, abs_tol=1e-12)
