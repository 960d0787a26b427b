"""TransferTrainer: `transformers.Trainer` that moves knowledge, and loses none silently.

    from nlp_transfer import TransferTrainer, TransferArguments

in place of `Trainer` and `TrainingArguments` is the whole change a script needs. `methods=[LoRA(r=8)]` or
`peft_config=LoraConfig(…)` then say how the encoder moves. With neither, every argument, callback and file is
Trainer's.
"""

from nlp_transfer.training.mixin import TransferMixin


class TransferTrainer(TransferMixin):
    """`transformers.Trainer` with some arguments more; see `TransferMixin` for the faults that it removes.

    `search` trains one for each of some values and takes the best, `train_source_only` one without the target;
    `compare_on_target`, `estimate_label_shift` and `correct_prior` say and use what it makes of the target's texts.

    Args:
        target_dataset: encoded rows of a target domain, for methods that use its texts and for metrics that choose by
            them; without labels, unless a method asks for them.
        methods: transfer methods, applied to the model in order when the trainer is made.
        peft_config: any PEFT configuration; freshly initialised modules are added to its `modules_to_save`.
        context: what the methods may look at; made from the datasets where it is not given.

    All other arguments are `transformers.Trainer`'s. Plain `TrainingArguments` are accepted too.

    Raises:
        ConfigError: methods that do not go together, or that need a dataset which is missing.
        TrainingError: while training, a loss that is not finite.
    """
