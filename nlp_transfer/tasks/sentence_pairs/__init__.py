"""Sentence pairs: the class of two texts, such as whether a contract says what a sentence claims."""

NAME = "sentence_pairs"
