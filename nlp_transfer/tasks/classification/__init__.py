"""Classification of rows: what the tasks share that give texts, or pairs of them, one label or several."""
