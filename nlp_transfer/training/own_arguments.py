"""The training arguments that transformers does not have, readable without importing it."""

from dataclasses import dataclass
from typing import Literal

from nlp_transfer.errors import NamedArguments


@dataclass
class OwnArguments(NamedArguments):
    """List the training arguments that `TransferArguments` adds to those of transformers.

    Args:
        early_stopping_patience: evaluations without a better `metric_for_best_model` after which training stops.
            Needs `load_best_model_at_end` and an `eval_strategy`.
        early_stopping_threshold: how much better counts as better.
        precision: `fp32`, `bf16` (autocast), or `auto`: bf16 where the processor or GPU has it natively, else fp32.
            Unset leaves `bf16` and `fp16` to decide.
        cpu_threads: threads of each process on a machine without a GPU; unset is OMP_NUM_THREADS, or all cores that the
            job may use, shared among its processes.
            `scripts/train.py` sets them; `accelerate launch` by itself leaves one.
        on_nonfinite: what to do with an update whose loss or gradient is not finite: `stop` the run before the weights
            take it, or `skip` it, say so, and go on.
        max_skipped_updates: how many updates `on_nonfinite: skip` may leave out before it stops too.
        unpadding: leave padding out of the encoder's layers, where the network allows it (models/speed/unpadding.py).
        fast_dropout: on a CPU, draw all dropout, attention's too, by a faster generator (models/speed/dropout.py).
        attention_dropout: share of attention weights that are dropped while training; unset leaves what the model's
            configuration says. A run's configuration has it at its top, and there 0 is the default.
        fast_linear: on a CPU, compute the float32 products of linear layers by oneDNN (models/speed/fast_linear.py).
        source_weights: of several sources, the share of an epoch that each one has: `size` (as it has rows), `equal`,
            `distance` (as much of the target's texts looks like it), or a number for each source in order.
        max_tokens_per_forward: how many tokens, padding not counted, go through the model at once; a larger micro-batch
            is cut into passes of rows of similar length, whose gradients add up to the same update. Unset never cuts.
        activation_cache: keep on disk what the frozen part of an encoder makes of each text, where that pays, so that
            it is computed once (`scripts/cache.py` lists and clears it). Results stay within float rounding.
        activation_cache_gb: what all that is kept so may take, in 10^9 bytes; what was used longest ago goes first.
    """

    early_stopping_patience: int | None = None
    early_stopping_threshold: float = 0.0
    precision: Literal["auto", "fp32", "bf16"] | None = None
    cpu_threads: int | None = None
    on_nonfinite: Literal["stop", "skip"] = "stop"
    max_skipped_updates: int = 10
    unpadding: bool = True
    fast_dropout: bool = True
    attention_dropout: float | None = None
    fast_linear: bool = True
    # HfArgumentParser takes the type before None, and would make a list of floats of any other order.
    source_weights: str | None | list[float] = "size"  # noqa: RUF036
    max_tokens_per_forward: int | None = None
    activation_cache: bool = True
    activation_cache_gb: float = 10.0
