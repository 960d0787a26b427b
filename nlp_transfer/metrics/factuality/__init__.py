"""Claims of a summary that can be checked against its document. A new kind is a file, its test, and its line in
`metrics/factuality/unsupported.py`.
"""
