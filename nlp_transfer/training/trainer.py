"""TransferTrainer: `transformers.Trainer` that moves knowledge, and loses none silently.

    from nlp_transfer import TransferTrainer, TransferArguments

in place of `Trainer` and `TrainingArguments` is the whole change a script needs. `methods=[LoRA(r=8)]` or
`peft_config=LoraConfig(…)` then choose how the encoder moves. With neither, every argument, callback and file is
Trainer's. These silent faults of the stock loop are removed:

* A head that takes `**kwargs` but ignores `num_items_in_batch` makes the stock loop skip its own averaging, so that
  gradients grow with accumulation steps and processes, and so does a loss of the user's own that ignores it. Here
  every mean is weighted by its share of the update (`extensions/loss_scaling.py`).
* A loss that is not finite is logged as 0.0. Here it stops the run (`extensions/nonfinite_guard.py`).
* The evaluation loss is made of batches' means: on several processes the last ones count for other rows than theirs,
  and losses of tokens count by rows. Here it is the mean over rows, or tokens.
* Grouping by length reorders predictions, and draws from the global random state. Here neither (`samplers.py`).
* `training_args.bin` holds the Hub token, and goes to the Hub with the whole output folder. Here neither (`hub.py`).
* Every process of several draws the same dropout masks. Here each draws its own.
* The frozen part of an encoder is computed in every epoch, with dropout. Here once, without
  (`extensions/activation_cache.py`).
* A checkpoint may be torn, and a resumed run differ from an uninterrupted one. Here neither
  (`extensions/exact_resume.py`).
"""

from nlp_transfer.training.seams import TransferSeams


class TransferTrainer(TransferSeams):
    """`transformers.Trainer` with more arguments, and without its silent faults.

    `nlp_transfer.search` and `train_source_only` make several; `compare_on_target`, `estimate_shift` and
    `correct_prior` look at a trained one's predictions on the target.

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
