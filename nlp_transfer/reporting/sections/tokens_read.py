"""Show the share of tokens that the encoder read of each split, where texts were cut."""

import numpy as np

from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Figure, Section
from nlp_transfer.tasks.charts import Bars


def tokens_read(run: RunContext) -> Section | None:
    """Return the section with the figure; None where no text was cut."""
    shares, notes = {}, {}
    for domain, splits in run.encoded.items():
        for split, rows in splits.items():
            if "text_length" not in rows.column_names or not len(rows):
                continue
            name, tokens = f"{domain} {split}", max(int(np.sum(rows["text_length"])), 1)
            shares[name] = int(np.sum(rows["length"])) / tokens
            notes[name] = f"{int(np.sum(rows['truncated'])):,} of {len(rows):,} cut"
    if not shares or min(shares.values()) == 1:
        return None
    read = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    caption = "The share of tokens that the encoder read of each split, with the number of texts that were cut."
    return Section("Tokens read", (Figure(Bars("share of tokens", shares, notes), f"Tokens read: {read}", caption),))
