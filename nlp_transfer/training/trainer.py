"""TransferTrainer: `transformers.Trainer` with transfer methods, exact updates and exact resume.

    from nlp_transfer import TransferTrainer, TransferArguments

in place of `Trainer` and `TrainingArguments` is the whole change a script needs. `methods=[LoRA(r=8)]` or
`peft_config=LoraConfig(…)` then choose how the encoder moves. With neither, every argument, callback and file is
Trainer's. `README.md` lists what differs from it.
"""

from nlp_transfer.training.seams import TransferSeams


class TransferTrainer(TransferSeams):
    """Extend `transformers.Trainer` by transfer methods, without its silent faults.

    `nlp_transfer.search` and `train_source_only` make several; `compare_on_target`, `estimate_shift` and
    `correct_prior` look at a trained one's predictions on the target.

    Args:
        target_dataset: encoded rows of a target domain, for methods that use its texts and for metrics that choose by
            them; without labels, unless a method asks for them.
        methods: transfer methods, their classes or names, applied to the model in order when the trainer is made.
        peft_config: any PEFT configuration; freshly initialised modules are added to its `modules_to_save`.
        context: what the methods may look at; made from the datasets where it is not given.

    All other arguments are `transformers.Trainer`'s. Plain `TrainingArguments` are accepted too.

    Example:
        >>> trainer = TransferTrainer(model, arguments, train_dataset=rows, methods=[LoRA(r=2)])
        >>> trainer.train().global_step
        16
    """
