"""Settings of the windows in which tasks read long texts."""

from collections.abc import Iterator


def repeated_tokens(max_length: int, overlap: int | None) -> int:
    """Return the maximum number of tokens that a window repeats of the one before; None is a quarter of a window.

    Example:
        >>> repeated_tokens(512, None), repeated_tokens(512, 32)
        (128, 32)
    """
    return max_length // 4 if overlap is None else overlap


def window_problems(max_length: int, overlap: int | None, noun: str) -> Iterator[str]:
    """Yield a sentence for windows that are too short for what `noun` names, or repeat too much.

    Example:
        >>> next(window_problems(2, None, "a text"))
        'task.max_length is 2; a text needs at least 3 tokens.'
    """
    if max_length < 3:
        yield f"task.max_length is {max_length}; {noun} needs at least 3 tokens."
    elif not 0 <= repeated_tokens(max_length, overlap) <= max_length // 2:
        yield f"task.overlap is {overlap}; expected 0 to half of task.max_length, or null."
