"""Reading of rows: what the tasks share whose network gives logits of whole texts, or of pairs of texts."""
