"""Report what transductive inference makes of the texts that a run is scored on."""

from collections.abc import Iterator, Mapping

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.metrics.bootstrap import bootstrap_difference
from nlp_transfer.metrics.metric import number
from nlp_transfer.tasks.base import DomainPredictions, Predictions
from nlp_transfer.tasks.blocks import Section, Table, Text
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.sequence_classification.transduction import MIN_TEXTS, transductive_logits

TITLE = "Transductive inference"

HOW = (
    "`--transductive` of predict and evaluate reads all texts of a file together, and corrects predictions by words "
    "that the model does not know: a linear model of words is fitted to the predictions for the other texts. Each "
    "class is predicted as often as before. No label is read. It helps on texts of another kind than those of training."
)

_NOT_ABOVE = "The saved model and all other scores are without it; with it these would be:"

_COLUMNS = ["split", "texts", "changed", "macro-F1", "corrected", "difference (95 %)"]


def transduction_section(
    decision: Decision, corpora: Mapping[str, Corpus], predictions: DomainPredictions
) -> Section | None:
    """Return the section about splits of enough texts, without source validation; None if there are none.

    A decision on several labels, or with promises, has none: it is not corrected.
    """
    if decision.multi_label or decision.promises:
        return None
    rows = [
        [f"{domain} {split}", *_cells(decision, corpora[domain].splits[split]["text"], one)]
        for domain, splits in predictions.items()
        for split, one in splits.items()
        if len(one.ids) >= MIN_TEXTS and (domain, split) != ("source", "validation")
    ]
    return Section(TITLE, (Text(f"{HOW} {_NOT_ABOVE}"), Table("", _COLUMNS, rows))) if rows else None


def _cells(decision: Decision, texts: list[str], made: Predictions) -> Iterator[str]:
    """Yield the number of texts, the share of changed predictions, both scores and the interval of their difference."""
    before, after = (
        decision.choose(decision.probabilities(logits))
        for logits in (made.logits, transductive_logits(texts, made.logits))
    )
    yield f"{len(texts):,}"
    yield f"{(before != after).mean():.1%}"
    if made.labels is None:
        yield from ("", "", "")
        return
    labels = np.asarray(made.labels).astype(int)
    scores = [decision.choice_scores(chosen, labels, interval=False)["macro_f1"] for chosen in (before, after)]
    yield from map(number, scores)
    low, high = bootstrap_difference(after, before, labels, "macro_f1")
    yield f"{scores[1] - scores[0]:+.3f} ({low:+.3f} to {high:+.3f})"
