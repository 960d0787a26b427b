"""Name the outputs that a network can give, by which methods and tasks find out whether they go together."""

from enum import Enum


class Output(Enum):
    """Name one kind of output of a network: tasks provide some, methods need some.

    Example:
        >>> Output.LOGITS in frozenset({Output.LOGITS, Output.POOLED})
        True
    """

    TOKENS = "tokens"
    """States of tokens, some of which may be masked."""

    LOGITS = "logits"
    """Class logits, shape (rows, classes)."""

    POOLED = "pooled"
    """Pooled features of a row, shape (rows, hidden)."""

    ROW_LOSS = "row_loss"
    """One loss a row, shape (rows,)."""

    HEAD = "head"
    """A head with weights of its own, which can be trained on a frozen encoder."""

    GENERATION = "generation"
    """Generated token ids, shape (rows, tokens)."""

    NUMBERS = "numbers"
    """Predicted numbers, shape (rows, numbers)."""

    TAGS = "tags"
    """Tag logits of each token, shape (rows, tokens, tags)."""

    SPANS = "spans"
    """Logits of the spans of a row, such as its sentences, shape (rows, spans)."""
