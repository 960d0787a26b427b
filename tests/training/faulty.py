"""A model whose forward passes are ruined or do not fit into memory, and a trainer for it."""

import torch
from torch import nn

from nlp_transfer import TransferArguments, TransferTrainer
from tests.tiny_models import collate, random_rows, tiny_model

ROWS = 16


def named_rows(count=ROWS):
    return random_rows(count).add_column("id", [f"row-{i}" for i in range(count)])


def trainer(folder, model=None, **changes):
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 1,
        "learning_rate": 1e-2,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        **changes,
    }
    return TransferTrainer(
        model or tiny_model("bert"), TransferArguments(**values), collate, train_dataset=named_rows()
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


class Faulty:
    """Ruins or refuses some forward passes of a model, counted from 1."""

    def __init__(self, model, *, ruined=(), most_rows=None, without_dropout=False):
        self.model, self.ruined, self.most_rows, self.calls, self.rows = model, ruined, most_rows, 0, []
        if without_dropout:
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
        self.forward, model.forward = model.forward, self

    def __call__(self, input_ids=None, attention_mask=None, labels=None):
        if (
            labels is None and not torch.is_grad_enabled()
        ):  # the trainer's own look at what the network does with padding
            return self.forward(input_ids=input_ids, attention_mask=attention_mask)
        self.calls += 1
        self.rows.append(len(input_ids))
        if self.most_rows is not None and len(input_ids) > self.most_rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        out = self.forward(input_ids=input_ids, attention_mask=attention_mask, labels=labels)
        if self.calls in self.ruined:
            out.loss = out.loss * float("nan")
        return out
