"""Show what a run is estimated to take."""

from dataclasses import dataclass, field

from nlp_transfer.models.activation_cache.store import format_bytes
from nlp_transfer.tasks.blocks import Table


@dataclass(frozen=True)
class Estimate:
    """Describe what a run is estimated to take.

    Args:
        device: where, with how many threads, and in what number format.
        texts: training rows.
        tokens: that pass through training in all epochs, padding not counted.
        flops: floating-point operations of training on these; of encoding each text once where a method does no more.
        epochs: how often the rows are trained on.
        seconds: by phase, in the order of the run.
        peak_memory_bytes: main memory of the process.
        peak_gpu_bytes: None without a GPU.
        cache_bytes: what the run will keep on disk outside its folder.
        early_stopping: whether the run may end before its last epoch.
    """

    device: str
    texts: int
    tokens: int
    flops: int
    epochs: float
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    cache_bytes: int = 0
    early_stopping: bool = False

    @property
    def total_seconds(self) -> float:
        """Return the seconds of all phases together."""
        return sum(self.seconds.values())

    def table(self, title: str) -> Table:
        """For a terminal."""
        rows = [
            ["Machine", self.device],
            ["Training texts", f"{self.texts:,}"],
            ["Tokens in all epochs", f"{self.tokens:,} ({self.epochs:g} epochs)"],
            ["Operations", f"{self.flops / 1e12:,.2f} TFLOP"],
            *([phase, duration(seconds)] for phase, seconds in self.seconds.items()),
            ["Together", duration(self.total_seconds) + (", or less (early stopping)" if self.early_stopping else "")],
        ]
        for name, held in (
            ("Peak memory", self.peak_memory_bytes),
            ("Peak GPU memory", self.peak_gpu_bytes),
        ):
            if held is not None:
                rows.append([name, f"{held / 2**20:,.0f} MiB"])
        rows.append(["Kept in the cache", format_bytes(self.cache_bytes)])
        return Table(title, ("", "estimate"), rows)


def duration(seconds: float) -> str:
    """Return seconds as text, such as `2 h 5 min`.

    >>> [duration(s) for s in (0.25, 59.6, 61, 7325)]
    ['0.2 s', '60 s', '1 min 1 s', '2 h 2 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
