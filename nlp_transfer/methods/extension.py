"""The base class of what takes part in a trainer's loop.

A trainer hands each of its seams on to an ordered tuple of extensions (`training/seams.py`). They are layers around the
stock loop, the first of them innermost: what the loop makes (batches, a gradient norm, a log entry, an evaluation)
passes from the first to the last, and of the hooks that are handed a call (`backward`, `loss`) the last is outermost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from transformers.trainer_utils import EvalLoopOutput

Batch = dict[str, Any]


class Extension:
    """Take part in the loop of a `trainer`; every hook does nothing by default. `training/README.md` has an example."""

    trainer: Any = None

    def attach(self, trainer: Any) -> None:
        """Remember the trainer. Called once, at the end of the trainer's `__init__`."""
        self.trainer = trainer

    def training(self) -> AbstractContextManager[Any]:
        """Return a context for the whole training loop, of one call of `train`."""
        return nullcontext()

    def evaluation(self) -> AbstractContextManager[Any]:
        """Return a context for one pass over a dataset without gradients, inside of training or outside."""
        return nullcontext()

    def begin_epoch(self, epoch: int) -> None:
        """Prepare an epoch. A resumed run calls it again for the epoch that it goes on in, with its states restored."""

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Return the micro-batches of an optimizer step, with what is added to them."""
        return batches

    def prepare_target(self, batch: Batch, rows: Sequence[int], positions: Sequence[int]) -> None:
        """Change a batch of target rows in place, before it joins the source rows of a micro-batch.

        `rows` are their numbers in the dataset, `positions` those in the endless order in which they are drawn.
        """

    def reset_step(self) -> None:
        """Forget what this optimizer step has gathered outside of the model: it begins again, or is left out."""

    def backward(self, step: "Callable[..., Tensor]", model: "nn.Module", batch: Batch, num_items: Any) -> "Tensor":
        """Run the forward and backward pass of a micro-batch; return its detached loss.

        `step(model, batch, num_items)` does so; `num_items` are those of the whole optimizer step.
        """
        return step(model, batch, num_items)

    def loss(self, compute: Any, model: "nn.Module", batch: Batch, return_outputs: bool, num_items: Any) -> Any:
        """Compute the loss of a batch, in training or in an evaluation: a scalar, or (loss, outputs).

        `compute(model, batch, return_outputs, num_items)` does so; `num_items` is None in an evaluation.
        """
        return compute(model, batch, return_outputs, num_items)

    def before_optimizer_step(self, grad_norm: Any, model: "nn.Module") -> Any:
        """Look at the gradients; return the gradient norm to log, given that before clipping."""
        return grad_norm

    def needs_predictions(self) -> bool:
        """Return whether `evaluate` reads predictions, also where no metric does."""
        return False

    def evaluate(self, output: "EvalLoopOutput", prefix: str) -> "EvalLoopOutput":
        """Return an evaluation's output, with metrics added or changed; their names begin with `prefix`."""
        return output

    def log(self, logs: dict[str, float]) -> dict[str, float]:
        """Return a log entry, with values added. Training entries have a `loss`."""
        return logs

    def prepare_optimizer(self, optimizer: "Optimizer") -> None:
        """Add parameters that train with the model."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must have: tensors that are equal on all processes, and JSON values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned when the checkpoint was saved."""

    def summary(self) -> Mapping[str, Any]:
        """Return lines for the report by their titles. Nothing reads them back: code reads the attributes."""
        return {}


def pass_through(extensions: Sequence[Extension], hook: str, value: Any, *args: Any) -> Any:
    """Pass a value through a hook of each extension, from the first to the last; return what comes out."""
    for extension in extensions:
        value = getattr(extension, hook)(value, *args)
    return value


def wrap(extensions: Sequence[Extension], hook: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call inside of a hook of each extension, the last of which is outermost."""
    for extension in extensions:
        call = partial(getattr(extension, hook), call)
    return call


@contextmanager
def inside(extensions: Sequence[Extension], hook: str) -> Iterator[None]:
    """Enter the context of each extension, that of the last first."""
    with ExitStack() as stack:
        for extension in reversed(extensions):
            stack.enter_context(getattr(extension, hook)())
        yield
