"""Numbers, dates, amounts and citations of a summary that can be checked against its document."""
