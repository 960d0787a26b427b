"""Texts about classification for reports and model cards."""

LEGEND = (
    "Macro means run over classes, micro over decisions, weighted over classes by support. ECE is how far the "
    "confidence is from the share that is right, AURC the mean error rate of the surest rows; less is better."
)

NOT_FOR = (
    "It is not for other kinds of texts or other languages, which it sorts all the same, nor for decisions about "
    "people without a person who reads the text."
)
