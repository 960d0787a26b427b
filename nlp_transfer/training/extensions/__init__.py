"""Parts of the trainer, one concern a file."""
