"""In which order rows come: by length without the global random state, as sources weigh; scored ones as they stand."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import SequentialSampler

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context
from nlp_transfer.training.optimizer_step import REPEATED, UpdateMixin
from nlp_transfer.training.samplers import LengthGroupedSampler, ShuffledSampler, share_evenly
from nlp_transfer.training.source_weights import SIZE, SourceDraws, sources_of


class RowOrderMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    _own_sampler: ShuffledSampler | None = None
    context: Context | None
    _given: dict[str, Any]

    _repeats_last: Callable[[], bool] | None = None
    """Whether this process's last batch of an epoch is a row that must not count; None where none is."""

    _fetches = False
    """Whether the batches of an update are being fetched, rather than one of an evaluation."""

    scored_rows: Any = None
    """The dataset that is scored, all columns included: what `compute_metrics` may need beside arrays."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        seed = self.args.data_seed if self.args.data_seed is not None else self.args.seed
        draws = self._source_draws(seed)
        grouped = self.args.train_sampling_strategy == "group_by_length" and hasattr(dataset, "__len__")
        if not grouped and draws is None:
            return super()._get_train_sampler(train_dataset)
        if not grouped:
            self._own_sampler = ShuffledSampler(len(dataset), seed, draws)
            return self._own_sampler
        self._own_sampler = LengthGroupedSampler(
            self._lengths(dataset),
            batch_size=self._train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size,
            seed=seed,
            draws=draws,
        )
        return self._own_sampler

    def _lengths(self, dataset: Any) -> list[int]:
        """Read or compute the length of each row, from the input that stock `Trainer` groups by.

        Raises:
            ConfigError: a row has no such input.
        """
        column = self.args.length_column_name
        if column in (getattr(dataset, "column_names", None) or ()):
            return list(dataset[column])
        names = getattr(self.processing_class, "model_input_names", None)
        name = names[0] if names else getattr(self.model, "main_input_name", "input_ids")
        if not isinstance(dataset[0], Mapping) or name not in dataset[0]:
            raise ConfigError(
                f"train_sampling_strategy is group_by_length, and the training rows have no {name!r} to be grouped by. "
                f"Give rows that have it, or a datasets.Dataset with their lengths in a column {column!r} "
                "(length_column_name)."
            )
        return [len(row[name]) for row in dataset]

    def _source_draws(self, seed: int) -> SourceDraws | None:
        """What decides which of the rows an epoch has; None where each comes once."""
        weights, dataset = getattr(self.args, "source_weights", SIZE), self.train_dataset
        sources = None if weights == SIZE else sources_of(dataset)  # what a loader reads has no such column any more
        if sources is None:
            return None
        target = self.context.target if self.context is not None else self._given["target_dataset"]
        shares = sources.shares(weights, dataset, target)
        if self.context is not None:
            self.context.facts["rows of each source"] = sources.facts(shares)
        return SourceDraws(sources.domains, shares, seed)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`; the epoch reaches the sampler also where loaders are wrapped in one another (resuming).

        Trainer seeds all processes alike, so that row i of each has the same dropout mask; here each draws its own.
        """
        if self.args.world_size > 1 and self.state.global_step == 0:
            torch.manual_seed(self.args.seed + self.args.process_index)
        if self._own_sampler is not None:
            self._own_sampler.set_epoch(kwargs["epoch"])
        if hasattr(self.data_collator, "set_epoch"):  # it draws something anew in each epoch
            self.data_collator.set_epoch(kwargs["epoch"])
        super()._run_epoch(*args, **kwargs)

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; rows that are repeated to fill the last batches do not count, if the loss is ours."""
        loader = super().get_train_dataloader()
        own = self.overrides("compute_loss", "training_step")
        self._repeats_last = None if own else share_evenly(loader)
        return loader

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; in an update a row that takes the place of a last batch is marked."""
        self._fetches = True
        try:
            return super().get_batch_samples(*args, **kwargs)
        finally:
            self._fetches = False

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """As in `Trainer`; marks the row that takes the place of a last batch."""
        mapping = self._fetches and bool(batch_samples) and isinstance(batch_samples[-1], Mapping)
        at_end = mapping and self.accelerator.gradient_state.end_of_dataloader
        if at_end and self._repeats_last is not None and self._repeats_last():
            batch_samples[-1] = {**batch_samples[-1], REPEATED: True}
        return super()._get_num_items_in_batch(batch_samples, device)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """As in `Trainer`; notes which rows are scored."""
        given: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        self.scored_rows = self.eval_dataset[given] if isinstance(given, str) and self.eval_dataset else given
        return super().get_eval_dataloader(eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        """As in `Trainer`; notes which rows are scored."""
        self.scored_rows = test_dataset
        return super().get_test_dataloader(test_dataset)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        """Always in the dataset's order: predictions are matched to rows by position."""
        if self.args.world_size > 1 or not hasattr(eval_dataset, "__len__"):
            return None
        return SequentialSampler(eval_dataset)
