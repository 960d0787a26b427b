"""Seq2SeqTransferTrainer: `transformers.Seq2SeqTrainer` without silent faults, for models that generate text.

In training the loss is the mean over the target tokens of the whole update, whatever micro-batches and processes it is
made of; in evaluation it is the mean over all target tokens, where the stock loop averages the means of batches.
"""

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import Seq2SeqTrainer
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.training.extensions.loss_scaling import LossScaling
from nlp_transfer.training.optimizer_step import overrides, row_count
from nlp_transfer.training.seams import TransferSeams

# EncoderDecoderModel warns whoever gives it labels of how it computed its loss years ago.
warnings.filterwarnings("ignore", "Version v4.12.0 introduces a better way to train encoder-decoder", FutureWarning)


class Seq2SeqTransferTrainer(TransferSeams, Seq2SeqTrainer):
    """Extend `transformers.Seq2SeqTrainer` by the arguments of `TransferTrainer`, without the silent faults.

    `dann`, `mmd` and `coral` adapt the means of the encoder's states; partial fine-tuning freezes the encoder's layers.

    Example:
        >>> arguments = Seq2SeqTransferArguments("runs/bart", max_steps=2, use_cpu=True, report_to="none")
        >>> trainer = Seq2SeqTransferTrainer(writer, arguments, collate_pairs, pairs, methods=[LoRA(r=2)])
        >>> trainer.train().global_step
        2
    """

    _row_sums: list[Tensor] | None = None
    """During an evaluation: for each row the sum of its tokens' losses, and their number."""

    _generated: tuple[int, int] = (1, 1)
    """Of the last batch that was generated: its rows, and the sequences of each (`num_return_sequences`)."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the loss of a batch; an evaluation notes the losses of its rows."""
        if model.training or self._row_sums is None or self.compute_loss_func is not None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.get("labels")  # which a label smoother takes out
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        if isinstance(labels, Tensor) and isinstance(outputs.get("logits"), Tensor):
            sums = _token_losses(outputs["logits"], labels, smoothing=self.args.label_smoothing_factor)
            self._row_sums.append(self.accelerator.gather_for_metrics(sums).cpu())
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate as `Seq2SeqTrainer` does; only the loss, where `generate_in_evaluation` is off."""
        metrics = self.compute_metrics
        if not getattr(self.args, "generate_in_evaluation", True):
            self.compute_metrics = None
        try:
            scores: dict[str, float] = super().evaluate(*args, **kwargs)
            return scores
        finally:
            self.compute_metrics = metrics

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None, **gen_kwargs: Any
    ) -> tuple[Any, Any, Any]:
        """Predict a batch; the loss of a generated one is computed as that of any other."""
        labels = inputs.get("labels")
        arguments: Any = self.args
        if not arguments.predict_with_generate or prediction_loss_only:
            return super().prediction_step(model, inputs, prediction_loss_only, ignore_keys, **gen_kwargs)
        read = {name: value for name, value in inputs.items() if name not in ("labels", *_EXPECTED)}
        writing: Any = self.model
        settings = vars(writing.generation_config)
        kept = dict(settings)
        _, written, _ = super().prediction_step(model, read, False, ignore_keys, **gen_kwargs)
        rows = row_count(read)
        assert written is not None
        self._generated = rows, len(written) // rows
        # The stock step fills in defaults, a length of 20 among them, which would be complained of, and saved.
        settings.clear()
        settings.update(kept)
        if labels is None:
            return None, written, None
        inputs = self._prepare_inputs(inputs)
        labels = inputs["labels"]
        with torch.no_grad(), self.compute_loss_context_manager():
            loss = self.compute_loss(model, inputs).detach().mean()
        return loss, written, labels

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Score or predict rows, each once; the loss is the mean over all target tokens."""
        self.gather_function, self._generated = self._gather_rows, (1, 1)
        self._row_sums = None if self.extension(LossScaling).is_own() or overrides(self, "prediction_step") else []
        try:
            output: EvalLoopOutput = super().evaluation_loop(*args, **kwargs)
            prefix = kwargs.get("metric_key_prefix", "eval")
            if self._row_sums and f"{prefix}_loss" in (output.metrics or {}):
                losses, tokens = torch.cat(self._row_sums).sum(dim=0).tolist()
                output = output._replace(metrics={**(output.metrics or {}), f"{prefix}_loss": losses / max(tokens, 1)})
            return output
        finally:
            self._row_sums = None

    def _gather_rows(self, values: Any) -> Any:
        """Gather the rows of all processes, each once; the sequences that a row returned stay together."""
        rows, several = self._generated
        if several > 1 and isinstance(values, Tensor) and values.ndim > 1 and len(values) == rows * several:
            return self.accelerator.gather_for_metrics(values.unflatten(0, (rows, several))).flatten(0, 1)
        return self.accelerator.gather_for_metrics(values)


_EXPECTED = ("decoder_input_ids", "decoder_attention_mask")
"""Keys of the expected text, which the network must not see while it generates."""


def _token_losses(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the sum of each row's token cross-entropies, and the number of tokens, float64, shape (rows, 2)."""
    losses = functional.cross_entropy(
        logits.float().transpose(1, 2), labels, reduction="none", ignore_index=IGNORE_INDEX, label_smoothing=smoothing
    )
    counted = labels != IGNORE_INDEX
    return torch.stack([(losses * counted).double().sum(dim=1), counted.sum(dim=1).double()], dim=1)
