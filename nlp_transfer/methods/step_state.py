"""Save the state of optimizer steps that a method makes before the trainer does, so that a resumed run continues them.

One file of tensors: weights, moments of AdamW, random state. A resumed run ends as an uninterrupted one.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import AdamW
    from torch.optim.lr_scheduler import LRScheduler

log = logging.getLogger(__name__)

SAVE_SECONDS = 300.0
"""Seconds of training between two saves."""


class StepState:
    """Save and restore parameters, their optimizer and its schedule. Only the first process writes.

    Args:
        file: of the state; None saves nothing.
        settings: what the steps depend on, as JSON holds it; a file of others is refused.
        parameters: those that are trained, all of them on one device.

    Attributes:
        earlier_seconds: of training before the state that was restored.

    Raises:
        CheckpointError: `restore` cannot read the file, or it is of another training.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> optimizer = torch.optim.AdamW([weight])
        >>> schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        >>> StepState(None, {}, [weight], optimizer, schedule).restore()
        []
    """

    def __init__(
        self,
        file: Path | None,
        settings: Mapping[str, Any],
        parameters: "Sequence[nn.Parameter]",
        optimizer: "AdamW",
        schedule: "LRScheduler",
    ) -> None:
        self.file, self.parameters, self.optimizer, self.schedule = file, parameters, optimizer, schedule
        self.settings = {**settings, "shapes": [list(one.shape) for one in parameters]}
        self.earlier_seconds = 0.0
        self._began = self._saved_at = time.monotonic()

    def restore(self) -> list[float]:
        """Return the losses of the steps that were made before, and take over their state; [] without a file."""
        from safetensors import SafetensorError, safe_open

        if self.file is None or not self.file.is_file():
            return []
        try:
            with safe_open(self.file, "pt", device="cpu") as opened:
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
                record = json.loads((opened.metadata() or {})["steps"])
            if record["settings"] != self.settings:
                raise ValueError("it is of other settings, texts or weights")
            self._take_over(tensors, record)
        except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"{self.file} cannot be used ({error}). Delete it, and the run begins these steps again."
            ) from error
        losses: list[float] = record["losses"]
        self.earlier_seconds = record["seconds"]
        log.info("Going on after step %d, from %s.", len(losses), self.file)
        return losses

    def save_if_due(self, losses: Sequence[float], *, last: bool = False) -> None:
        """Save the state every `SAVE_SECONDS`, and after the last step of as long a training."""
        if self.file is None:
            return
        if time.monotonic() - self._saved_at >= SAVE_SECONDS or (last and self.file.is_file()):
            self._save(self.file, losses)
            self._saved_at = time.monotonic()

    def _save(self, file: Path, losses: Sequence[float]) -> None:
        """Write the file whole or not at all; training goes on without it where the disk has no room."""
        from accelerate import PartialState
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        if not PartialState().is_main_process:
            return
        temporary = file.with_name(f".{file.name}.tmp")
        seconds = self.earlier_seconds + time.monotonic() - self._began
        record = {"settings": self.settings, "losses": list(losses), "seconds": seconds}
        record["schedule"] = self.schedule.state_dict()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            save_file(self._tensors(), temporary, {"steps": json.dumps(record)})
            temporary.replace(file)
        except (OSError, SafetensorError) as error:
            log.warning("%s was not saved (%s). An interruption would begin these steps again.", file, error)
        finally:
            temporary.unlink(missing_ok=True)  # a signal may come while it is written, too

    def _tensors(self) -> "dict[str, Tensor]":
        import torch

        tensors = {"random_state": torch.get_rng_state()}
        device = self.parameters[0].device
        if device.type == "cuda":
            tensors["random_state.cuda"] = torch.cuda.get_rng_state(device)
        for number, parameter in enumerate(self.parameters):
            tensors[f"{number}.weight"] = parameter.detach().contiguous()
            own = self.optimizer.state[parameter]
            tensors |= {f"{number}.{name}": value.contiguous() for name, value in own.items()}
        return tensors

    def _take_over(self, tensors: "dict[str, Tensor]", record: dict[str, Any]) -> None:
        import torch

        states: dict[int, dict[str, Tensor]] = {number: {} for number in range(len(self.parameters))}
        random = {name: tensors.pop(name) for name in list(tensors) if name.startswith("random_state")}
        for name, value in tensors.items():
            place, _, key = name.partition(".")
            states[int(place)][key] = value
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters):
                parameter.copy_(states[number].pop("weight"))
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        self.schedule.load_state_dict(record["schedule"])
        for group, rate in zip(self.optimizer.param_groups, self.schedule.get_last_lr(), strict=True):
            group["lr"] = rate
        torch.set_rng_state(random["random_state"])
        if "random_state.cuda" in random:
            torch.cuda.set_rng_state(random["random_state.cuda"], self.parameters[0].device)
