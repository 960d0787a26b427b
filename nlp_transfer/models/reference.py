"""Refer to a pretrained model with the options of its loading."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelReference:
    """Name a pretrained model, with the options of its loading.

    Args:
        model: folder, Hub name or package; see `resolve_model`.
        revision: commit, tag or branch of a Hub model.
        trust_remote_code: allow Python code in the model's folder to run.
        attention_dropout: dropout on attention weights; None keeps the checkpoint's value. Off by default, so that the
            fused attention kernel is used.

    Example:
        >>> ModelReference("google-bert/bert-base-uncased", revision="v1").attention_dropout
        0.0
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False
    attention_dropout: float | None = 0.0
