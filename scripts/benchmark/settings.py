"""Settings of a benchmark file besides configurations: of a case, and of the growth of our cost."""

from dataclasses import dataclass, field
from typing import Literal

from nlp_transfer.errors import ConfigError

DeviceType = Literal["cpu", "cuda"]
Side = Literal["stock", "ours", "defaults", "onnx", "onnx_int8"]
Precision = Literal["fp32", "bf16"]

PREDICTION_PRECISION: Precision = "fp32"
"""The precision of prediction on both sides."""


@dataclass(frozen=True)
class Settings:
    """Hold the settings of a case besides its configuration.

    Args:
        stock: what our run is compared with: `trainer`, with what a method keeps frozen frozen by `requires_grad`;
            `trainer+peft` for LoRA; `pipeline` for prediction, which both sides do with the model that the
            configuration's run leaves.
        rows: how many rows of the training split are trained on, drawn at random, the same on both sides.
        validation_rows: how many rows of validation a method may choose by.
        test_rows: how many rows of test are scored; with `pipeline` also what is predicted.
        device: what the case is for.
        by_import: train ours as by import: our Trainer and arguments in the place of stock's, the model untouched.
        defaults: train also with this package's own precision and attention dropout; a side of its own, since the other
            two have both alike.
        onnx: with `pipeline`, on a CPU: predict with our model exported to ONNX, too, in float32 and in int8.
    """

    stock: Literal["trainer", "trainer+peft", "pipeline"]
    rows: int
    validation_rows: int
    test_rows: int
    device: DeviceType = "cpu"
    by_import: bool = False
    defaults: bool = False
    onnx: bool = False

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that are measured, in turn."""
        more: tuple[Side, ...] = ("defaults",) if self.defaults else ()
        return ("stock", "ours", *more, "onnx", "onnx_int8") if self.onnx else ("stock", "ours", *more)

    def __post_init__(self) -> None:
        """Check the values."""
        names = ("rows", "validation_rows", "test_rows")
        problems = [
            f"{name} is {getattr(self, name)}; expected at least 1." for name in names if getattr(self, name) < 1
        ]
        problems += [
            f"{name} is true, with stock {self.stock}; expected stock {expected}."
            for name, expected, holds in (
                ("by_import", "trainer", self.stock == "trainer"),
                ("defaults", "trainer or trainer+peft", self.stock != "pipeline"),
            )
            if getattr(self, name) and not holds
        ]
        if self.onnx and (self.stock, self.device) != ("pipeline", "cpu"):
            problems.append(
                f"onnx is true, with stock {self.stock} on {self.device}; exported models predict, on a CPU: it goes "
                "with stock pipeline and device cpu."
            )
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True)
class Growth:
    """Measure the growth of our cost with the work and with processes.

    Args:
        case: the case whose rows are multiplied.
        rows: the training rows at factor 1.
        factors: by what the rows are multiplied, on one process.
        processes: how many processes train on the most rows, each on its share of a batch and of the threads.
    """

    case: str
    rows: int
    factors: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    processes: list[int] = field(default_factory=lambda: [1, 2])

    def __post_init__(self) -> None:
        """Check the values."""
        problems = [f"rows is {self.rows}; expected at least 1."] if self.rows < 1 else []
        for name in ("factors", "processes"):
            values = getattr(self, name)
            if not values or min(values) < 1:
                problems.append(f"{name} is {values}; expected numbers of at least 1.")
        if problems:
            raise ConfigError(problems)

    def cells(self) -> list[tuple[int, int]]:
        """Return (rows, processes) of each measurement, once."""
        most = self.rows * max(self.factors)
        wanted = [*((self.rows * factor, 1) for factor in self.factors), *((most, count) for count in self.processes)]
        return list(dict.fromkeys(wanted))
