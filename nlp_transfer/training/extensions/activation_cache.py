"""Compute the states that leave frozen layers once, not in every epoch.

With the lowest k layers frozen (partial_fine_tuning, lora with `layers`, adapters on upper layers) the states that
enter layer k + 1 are kept on disk (models/activation_cache/writer.py, models/activation_cache/store.py), and each epoch
starts from them. Gradual unfreezing starts above all layers that are closed yet; on several processes above those that
never open. The frozen part computes without dropout, cached or not (training/extensions/frozen_layers.py), so both ways
make the same results up to float rounding.

An estimate decides: it pays where the layers that are passed over in all epochs are more than those of the one pass
that fills the store, and it must fit the limit. The decision looks at the whole run, so a resumed run makes the same.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils import logging

from nlp_transfer.files import cache_key
from nlp_transfer.methods.base import Change
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.activation_cache.digests import UniqueTexts, unique_texts
from nlp_transfer.models.activation_cache.entry import Entry
from nlp_transfer.models.activation_cache.features import make_batch
from nlp_transfer.models.activation_cache.frozen import encoder_identity
from nlp_transfer.models.activation_cache.replay import TEXT_COLUMNS, StoredStates, replay_problem
from nlp_transfer.models.activation_cache.store import ActivationStore, NotStoredError, format_bytes
from nlp_transfer.models.activation_cache.writer import layers_return_tuples, write_states
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.training.extensions.frozen_layers import FrozenPhase, frozen_phases

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


class NotCachedError(Exception):
    """Name the reason why a run computes its frozen layers in every epoch; caught in this module."""


@dataclass(frozen=True)
class CacheUse:
    """Describe the stored states that a run starts from.

    Args:
        layers: the layers that they leave, ascending; empty where none are used.
        size_bytes: their size.
        reason: why none are used.
    """

    layers: tuple[int, ...] = ()
    size_bytes: int = 0
    reason: str | None = None


class ActivationCache(Extension):
    """Start epochs above the frozen layers, from stored states.

    Attributes:
        use: of the last training; None where no layer was frozen.
    """

    def __init__(self) -> None:
        self.use: CacheUse | None = None
        self._states: StoredStates | None = None
        self._computed = False  # whether some of the states were not in the store yet
        self._opened: ExitStack | None = None  # None outside of training, and after its first epoch has begun

    @contextmanager
    def training(self) -> Iterator[None]:
        """Compute frozen layers again afterwards."""
        with ExitStack() as stack:
            self._opened, self.use = stack, None
            try:
                yield
            finally:
                self._opened = self._states = None

    def begin_epoch(self, epoch: int) -> None:
        """Fill the store before the first epoch, when a checkpoint's weights and step are there."""
        opened, self._opened = self._opened, None
        if opened is not None and self.trainer.state.global_step < self.trainer.state.max_steps:
            self._open_states(opened)

    def start_above(self, layers: int) -> None:
        """Start above as many of the frozen layers as states are stored of."""
        if self._states is not None and self.trainer.args.world_size == 1:
            self._states.layers = max((stored for stored in self._states.entries if stored <= layers), default=0)

    def summary(self) -> Mapping[str, Any]:
        """Return whether stored states are used, of which layers, or why not."""
        if self.use is None:
            return {}
        if self.use.reason is not None:
            return {"activation_cache": {"used": False, "reason": self.use.reason}}
        kept = {"layers_passed_over": list(self.use.layers), "bytes": self.use.size_bytes}
        return {"activation_cache": {"used": True, **kept}}

    def _open_states(self, opened: ExitStack) -> None:
        """Fill the store, and start from it until `opened` is closed; or log why not."""
        trainer = self.trainer
        if not hasattr(trainer.train_dataset, "__len__"):
            return
        phases = [phase for phase in frozen_phases(trainer) if phase.layers > 0]
        if not phases:
            return
        try:
            states = self._make_states(phases)
        except NotCachedError as reason:
            self.use = CacheUse(reason=str(reason))
            logger.info("The frozen layers are computed in every epoch: %s.", reason)
            return
        self._states = states
        opened.enter_context(states.active())
        size = sum(entry.size_bytes for entry in states.entries.values())
        layers = sorted(states.entries)
        self.use = CacheUse(tuple(layers), size)
        store = next(iter(states.entries.values())).path.parent
        depth, which = len(encoder_layers(self._plain())), " or ".join(str(layer) for layer in layers)
        logger.info(
            f"Epochs start above the lowest {which} of {depth} layers, from what these make of each text: "
            f"{format_bytes(size)} {'' if self._computed else 'found '}in {store}."
        )

    def _plain(self) -> Any:
        return plain_model(self.trainer.accelerator.unwrap_model(self.trainer.model))

    def _make_states(self, phases: list[FrozenPhase]) -> StoredStates:
        """Return stored states for all parts of the training."""
        store = store_for(self.trainer.args)
        if reason := self._reason_against(store):
            raise NotCachedError(reason)
        assert store is not None
        once, saved = max(phase.layers for phase in phases), sum(phase.layers * phase.passes for phase in phases)
        if saved <= once:
            raise NotCachedError("each text comes once, so there is nothing to use again")
        try:
            texts = unique_texts(self._datasets())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotCachedError(f"the rows cannot be told apart by their tokens: {error}") from error
        if not len(texts.digests) or not texts.lengths.min():
            raise NotCachedError("a row has no tokens")
        model, layers = self._plain(), sorted({phase.layers for phase in phases})
        try:
            with self.trainer.args.main_process_first(local=True, desc="frozen layers"):
                entries = self._entries(model, texts, store, layers)
            states = StoredStates(model, entries, returns_tuple=layers_return_tuples(model, texts))
        except NotStoredError as error:
            raise NotCachedError("; ".join(error.problems)) from error
        except ValueError as error:
            raise NotCachedError(str(error)) from error
        self._check(states)
        return states

    @torch.no_grad()
    def _check(self, states: StoredStates) -> None:
        """Run a few rows with and without stored states."""
        rows: Any = self.trainer.train_dataset
        try:
            batch = make_batch(
                rows, range(min(CHECKED_ROWS, len(rows))), self.trainer.data_collator, self.trainer.args.device
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NotCachedError(f"the collator needs more of a row than what models read: {error}") from error
        inputs = {name: value for name, value in batch.items() if name not in ("labels", "label", "label_ids")}
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        was_training = model.training
        model.eval()
        try:
            for layers in sorted(states.entries):
                states.layers = layers
                if states.look_up(*(inputs.get(name) for name in TEXT_COLUMNS)) is None:
                    raise NotCachedError("the collator makes other texts of the rows")
                expected = model(**inputs).logits.float()
                with states.active():
                    logits = model(**inputs).logits.float()
                apart = (logits - expected).abs().max().item() / max(1.0, expected.abs().max().item())
                if not apart <= TOLERANCES[self._autocast()]:
                    raise NotCachedError(f"with stored states the logits differ by {apart:.2g}")
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
        if any(Change.TARGET_TOKENS in method.changes for method in self.trainer.methods):
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
        return [
            self.trainer.train_dataset,
            *([target] if target is not None else []),
            *(part for part in parts if again and hasattr(part, "__len__")),
        ]

    def _entries(self, model: Any, texts: UniqueTexts, store: ActivationStore, layers: list[int]) -> dict[int, Entry]:
        """Return the states that leave each layer, or only those that leave the lowest, which serve longest."""
        try:
            return self._read_or_write(model, texts, store, layers)
        except NotStoredError:
            if len(layers) == 1:
                raise
        return self._read_or_write(model, texts, store, layers[:1])

    def _read_or_write(
        self, model: Any, texts: UniqueTexts, store: ActivationStore, layers: list[int]
    ) -> dict[int, Entry]:
        """Return the states that leave each layer, from the store; write those that are missing."""
        settings = [self.trainer.args.device.type, self.trainer.args.bf16, self.trainer.args.fp16]
        named = hashlib.sha256(texts.digests.tobytes()).hexdigest()
        keys = {layer: cache_key("states", encoder_identity(model, layer), layer, named, settings) for layer in layers}
        entries = {layer: entry for layer in layers if (entry := store.read(keys[layer])) is not None}
        missing = {layer: key for layer, key in keys.items() if layer not in entries}
        self._computed = bool(missing)
        if missing:
            write_states(
                model,
                texts,
                store,
                missing,
                max_tokens=(self.trainer.context or Context).batch_tokens,
                precision=self.trainer.accelerator.autocast if self._autocast() else nullcontext,
                quiet=self.trainer.args.disable_tqdm or self.trainer.args.process_index > 0,
            )
            entries |= {layer: entry for layer, key in missing.items() if (entry := store.read(key)) is not None}
        if len(entries) < len(layers):
            raise NotStoredError("what was stored is gone again, to make room for other runs")
        return entries
