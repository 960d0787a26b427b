"""Turn texts into token ids and batches."""
