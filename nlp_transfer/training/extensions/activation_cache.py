"""Compute the states that leave frozen layers once, not in every epoch.

The states that enter the lowest layer that ever trains are kept on disk (models/activation_cache/), and each epoch
starts from them, where a text comes more than once and they fit the limit. The frozen part computes without dropout,
cached or not (training/extensions/frozen_layers.py), so both ways make the same results up to float rounding.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from transformers.utils import logging

from nlp_transfer.files import cache_key
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.activation_cache.digests import UniqueTexts, unique_texts
from nlp_transfer.models.activation_cache.entry import Entry
from nlp_transfer.models.activation_cache.features import make_batch
from nlp_transfer.models.activation_cache.frozen import encoder_identity, frozen_layers
from nlp_transfer.models.activation_cache.replay import TEXT_COLUMNS, StoredStates, replay_problem
from nlp_transfer.models.activation_cache.store import ActivationStore, NotStoredError, format_bytes
from nlp_transfer.models.activation_cache.window_rows import network_rows
from nlp_transfer.models.activation_cache.writer import layers_return_tuples, write_states
from nlp_transfer.models.families import encoder_layers, plain_model

logger = logging.get_logger(__name__)

SETTING = "training.activation_cache_gb"

BYTES_PER_GB = 10**9

CHECKED_ROWS = 4
"""Number of rows that are run with and without stored states before these are used."""

TOLERANCES = {False: 1e-4, True: 5e-2}
"""Maximum difference of their logits, relative to the largest: in float32, and under autocast."""


def store_for(arguments: Any) -> ActivationStore | None:
    """Return the store for a run's activations; None where its arguments do not ask for one."""
    if not getattr(arguments, "activation_cache", False):
        return None
    return ActivationStore(int(arguments.activation_cache_gb * BYTES_PER_GB), setting=SETTING)


class ActivationCache(Extension):
    """Start epochs above the frozen layers, from stored states."""

    def __init__(self) -> None:
        self._summary: dict[str, Any] = {}  # of the last training; empty where no layer was frozen
        self._computed = False  # whether the states were not in the store yet
        self._opened: ExitStack | None = None  # None outside of training, and after its first epoch has begun

    @contextmanager
    def training(self) -> Iterator[None]:
        """Compute frozen layers again afterwards."""
        with ExitStack() as stack:
            self._opened, self._summary = stack, {}
            try:
                yield
            finally:
                self._opened = None

    def begin_epoch(self, epoch: int) -> None:
        """Fill the store before the first epoch, when a checkpoint's weights and step are there."""
        opened, self._opened = self._opened, None
        if opened is not None and self.trainer.state.global_step < self.trainer.state.max_steps:
            self._open_states(opened)

    def summary(self) -> Mapping[str, Any]:
        """Return whether stored states are used, of which layers, or why not."""
        return {"activation_cache": self._summary} if self._summary else {}

    def _open_states(self, opened: ExitStack) -> None:
        """Fill the store, and start from it until `opened` is closed; or log why not."""
        layers = frozen_layers(self.trainer.accelerator.unwrap_model(self.trainer.model))
        if not layers or not hasattr(self.trainer.train_dataset, "__len__"):
            return
        try:
            states = self._make_states(layers)
        except NotStoredError as error:
            reason = "; ".join(error.problems)
            self._summary = {"used": False, "reason": reason}
            logger.info("The frozen layers are computed in every epoch: %s.", reason)
            return
        opened.enter_context(states.active())
        entry = states.entries[layers]
        self._summary = {"used": True, "layers_passed_over": [layers], "bytes": entry.size_bytes}
        logger.info(
            f"Epochs start above the lowest {layers} of {len(encoder_layers(self._plain()))} layers, from what these "
            f"make of each text: {format_bytes(entry.size_bytes)} {'' if self._computed else 'found '}in "
            f"{entry.path.parent}."
        )

    def _plain(self) -> Any:
        return plain_model(self.trainer.accelerator.unwrap_model(self.trainer.model))

    def _make_states(self, layers: int) -> StoredStates:
        """Return the stored states that leave the frozen layers."""
        store, arguments = store_for(self.trainer.args), self.trainer.args
        if reason := self._reason_against(store):
            raise NotStoredError(reason)
        assert store is not None
        step = self.trainer._train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
        if self.trainer.state.max_steps * step <= len(self.trainer.train_dataset):  # of the whole run, resumed or not
            raise NotStoredError("each text comes once, so there is nothing to use again")
        try:
            texts = unique_texts(self._datasets())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotStoredError(f"the rows cannot be told apart by their tokens: {error}") from error
        if not len(texts.digests) or not texts.lengths.min():
            raise NotStoredError("a row has no tokens")
        model = self._plain()
        try:
            with arguments.main_process_first(local=True, desc="frozen layers"):
                entry = self._read_or_write(model, texts, store, layers)
            states = StoredStates(model, {layers: entry}, returns_tuple=layers_return_tuples(model, texts))
        except ValueError as error:
            raise NotStoredError(str(error)) from error
        self._check(states)
        return states

    @torch.no_grad()
    def _check(self, states: StoredStates) -> None:
        """Run a few rows with and without stored states."""
        rows: Any = network_rows(self.trainer.train_dataset)
        try:
            chosen = range(min(CHECKED_ROWS, len(rows)))
            batch = make_batch(rows, chosen, self.trainer.data_collator, self.trainer.args.device)
        except (KeyError, TypeError, ValueError) as error:
            raise NotStoredError(f"the collator needs more of a row than what models read: {error}") from error
        inputs = {name: value for name, value in batch.items() if name not in ("labels", "label", "label_ids")}
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        was_training = model.training
        model.eval()
        try:
            if states.look_up(*(inputs.get(name) for name in TEXT_COLUMNS)) is None:
                raise NotStoredError("the collator makes other texts of the rows")
            expected = model(**inputs).logits.float()
            with states.active():
                logits = model(**inputs).logits.float()
            apart = (logits - expected).abs().max().item() / max(1.0, expected.abs().max().item())
            if not apart <= TOLERANCES[self._autocast()]:
                raise NotStoredError(f"with stored states the logits differ by {apart:.2g}")
        finally:
            model.train(was_training)

    def _autocast(self) -> bool:
        return bool(self.trainer.args.bf16 or self.trainer.args.fp16)

    def _reason_against(self, store: ActivationStore | None) -> str | None:
        if store is None:
            return "training.activation_cache is off"
        if self.trainer.is_fsdp_enabled or self.trainer.is_deepspeed_enabled or self.trainer.args.n_gpu > 1:
            return "the model is spread over devices"
        if self.trainer.args.torch_compile:
            return "compiled layers cannot be passed over"
        if self.trainer.neftune_noise_alpha is not None:
            return "the embeddings get noise (neftune_noise_alpha)"
        if any(method.masks_tokens for method in active_methods(self.trainer.methods)):
            return "the target's texts have other words hidden each time"
        return replay_problem(self._plain())

    def _datasets(self) -> list[Any]:
        """Return the rows that come more than once: of training, the target, and validation if evaluated repeatedly."""
        again = self.trainer.args.eval_strategy == "epoch" and self.trainer.state.num_train_epochs > 1
        if self.trainer.args.eval_strategy == "steps":
            again = self.trainer.state.max_steps >= 2 * self.trainer.state.eval_steps
        given: Any = self.trainer.eval_dataset
        parts = given.values() if isinstance(given, dict) else [given]
        target = self.trainer.context.target if self.trainer.context is not None else None
        computed = [
            self.trainer.train_dataset,
            *([target] if target is not None else []),
            *(part for part in parts if again and hasattr(part, "__len__")),
        ]
        return list(map(network_rows, computed))

    def _read_or_write(self, model: Any, texts: UniqueTexts, store: ActivationStore, layers: int) -> Entry:
        """Return the states that leave the layers, from the store; write them where they are missing."""
        settings = [self.trainer.args.device.type, self.trainer.args.bf16, self.trainer.args.fp16]
        named = hashlib.sha256(texts.digests.tobytes()).hexdigest()
        key = cache_key("states", encoder_identity(model, layers), layers, named, settings)
        entry = store.read(key)
        self._computed = entry is None
        if entry is None:
            write_states(
                model,
                texts,
                store,
                {layers: key},
                max_tokens=(self.trainer.context or Context).batch_tokens,
                precision=self.trainer.accelerator.autocast if self._autocast() else nullcontext,
                quiet=self.trainer.args.disable_tqdm or self.trainer.args.process_index > 0,
            )
            entry = store.read(key)
        if entry is None:
            raise NotStoredError("what was stored is gone again, to make room for other runs")
        return entry
