"""TransferTrainer and Seq2SeqTransferTrainer, with their arguments, in place of transformers' own."""
