"""Pooled features and logits: the inputs and outputs of the layer that makes the logits.

Of a network that generates text or tags tokens the features are the means over the tokens of each text, of the
encoder's last states or of the inputs of that layer. In the place of logits it has, for each row, the sum of the losses
of its tokens and their number, from which the mean over all tokens of an update follows.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn

from nlp_transfer.methods.alignment import TEACHER_LOGITS, Features
from nlp_transfer.methods.masked_tokens import MASKED_LABELS
from nlp_transfer.models.activation_cache.window_rows import WINDOW_IDS
from nlp_transfer.models.families import is_encoder_decoder, plain_model
from nlp_transfer.models.heads.pooling import pooled_and_logits
from nlp_transfer.models.heads.token_losses import loss_sums
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.training.target_batches import DOMAIN, UPDATE_ROW, batch_of


def features(plain: nn.Module, model: nn.Module, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Return pooled features, shape (batch, hidden), and logits, shape (batch, classes), in float32 or float64.

    `plain` is the model, out of what wraps it for several processes, and `model` what is called.
    """
    if is_encoder_decoder(plain_model(plain)):
        return _generator_features(model, inputs)
    classifier = plain_model(plain)
    given = {name: value for name, value in inputs.items() if name not in ("labels", *_OF_THE_LOSS)}
    if WINDOW_IDS in given:
        output = model(**given, output_pooled=True)
        return output.pooled, output.logits
    pooled, logits = pooled_and_logits(classifier, lambda: model(**given)["logits"], inputs.get("attention_mask"))
    return pooled, loss_sums(logits, inputs["labels"]) if logits.ndim == 3 else logits


_OF_THE_LOSS = (DOMAIN, UPDATE_ROW, MASKED_LABELS, TEACHER_LOGITS)
"""The keys of a batch that only the loss needs."""


def _generator_features(model: nn.Module, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Return `features` of a network that generates text."""
    labels = inputs["labels"]
    without = _OF_THE_LOSS if "decoder_input_ids" not in inputs else ("labels", *_OF_THE_LOSS)
    output = model(**{name: value for name, value in inputs.items() if name not in without})
    states = output["encoder_last_hidden_state"]
    states = states.to(torch.promote_types(states.dtype, torch.float32))
    real = inputs["attention_mask"].to(states)[..., None]
    pooled = (states * real).sum(1) / real.sum(1)
    return pooled, loss_sums(output["logits"], labels)


def row_labels(labels: Tensor) -> Tensor:
    """Return labels with as many numbers for each row: zeros for labels of tokens, whose losses replace the logits."""
    of_tokens = labels.ndim == 2 and not labels.is_floating_point()
    return labels.new_zeros(len(labels)) if of_tokens else labels


@torch.no_grad()
def outputs_of(trainer: Any, dataset: Dataset) -> tuple[Features, Tensor]:
    """Run a trainer's model over encoded rows, without dropout; return features and labels in their order."""
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    was_training = model.training
    model.eval()
    try:
        pooled, logits, labels, order = [], [], [], []
        measured = "length" in dataset.column_names
        lengths = list(dataset["length"]) if measured else [len(ids) for ids in dataset["input_ids"]]
        for rows in token_budget_batches(lengths, trainer.context.batch_tokens):
            order += rows
            batch = batch_of(dataset, rows, trainer.context, trainer.args.device)
            with trainer.compute_loss_context_manager():
                made = features(model, model, batch)
            pooled.append(made[0])
            logits.append(made[1])
            labels.append(row_labels(batch["labels"]))
    finally:
        model.train(was_training)
    back = torch.argsort(torch.tensor(order)).to(trainer.args.device)
    inputs, outputs, known = (torch.cat(parts)[back] for parts in (pooled, logits, labels))
    return Features(inputs, outputs, multi_label=known.is_floating_point()), known


def features_of(trainer: Any, dataset: Dataset, *, labelled: bool = True) -> Features:
    """Return the features and logits of a trainer's model for encoded rows, in their order, with losses if labelled."""
    found, labels = outputs_of(trainer, dataset)
    return replace(found, losses=trainer.context.loss(found.logits, labels)) if labelled else found
