"""Make and check the splits of a corpus."""
