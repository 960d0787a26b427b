"""Score and report what a saved classifier makes of labelled rows."""

import numpy as np

from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.figures import confidence_figures
from nlp_transfer.tasks.predictor import Evaluated


def evaluated(decision: Decision, scored: Predictions, where: str, lengths: np.ndarray | None = None) -> Evaluated:
    """Return the scores with the section on confidence.

    Args:
        scored: the predictions, with labels.
        where: the rows, as figures name them.
        lengths: tokens of each text, shape (rows,); None if they are not known.
    """
    assert scored.labels is not None
    probabilities = decision.probabilities(scored.logits)
    plain = decision.plain_choice(probabilities)
    figures = confidence_figures(probabilities, plain, scored.labels, lengths, where)
    return Evaluated(
        decision.scores(probabilities, scored.labels, interval=True),
        {},
        decision.prediction_rows(scored.ids, scored.labels, probabilities),
        decision.row_keys,
        (Section("Confidence and errors", tuple(figures)),) if figures else (),
    )
