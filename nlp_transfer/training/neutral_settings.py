"""Settings that change no result but by rounding, so that training may go on with other values of them."""

NEUTRAL_SETTINGS = (
    "config",
    "dry_run",
    "print_config",
    "resume",
    "training.activation_cache_gb",
    "training.cpu_threads",
    "training.dataloader_num_workers",
    "training.dataloader_persistent_workers",
    "training.dataloader_pin_memory",
    "training.dataloader_prefetch_factor",
    "training.ddp_timeout",
    "training.disable_tqdm",
    "training.hub_",
    "training.local_rank",
    "training.log_",
    "training.logging_",
    "training.max_skipped_updates",
    "training.on_nonfinite",
    "training.output_dir",
    "training.project",
    "training.push_to_hub",
    "training.report_to",
    "training.resume",
    "training.run_name",
    "training.save_total_limit",
    "training.skip_memory_metrics",
    "training.trackio_",
)
"""Keys that change no result. One that ends in `_` stands for all that begin so."""

ROUNDING_SETTINGS = ("training.cpu_threads",)
"""Those of them with which sums are rounded otherwise, so that the last digits of a resumed run may differ."""


def is_result_neutral(path: str) -> bool:
    """Return whether the setting at a path, such as `training.run_name`, changes no result.

    Example:
        >>> is_result_neutral("training.run_name"), is_result_neutral("training.seed")
        (True, False)
    """
    return any(
        path.startswith(key) if key.endswith("_") else (path + ".").startswith(key + ".") for key in NEUTRAL_SETTINGS
    )
