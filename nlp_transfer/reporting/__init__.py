"""Write what a run leaves: report, tables, figures, predictions, log."""
