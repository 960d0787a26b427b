"""What a run leaves for its readers: scores in tables, a report, predictions, and a folder with rules."""
