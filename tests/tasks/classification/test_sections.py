"""The scores of single classes as tables."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset
from rich.console import Console

from nlp_transfer.data.encoding.token_frequencies import TokenFrequencies
from nlp_transfer.metrics.calibration import Calibration
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.tables import GroupedTable, to_markdown
from nlp_transfer.tasks.blocks import Alert, Table, Text
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import Abstention, DecisionSettings, PredictionSets
from nlp_transfer.tasks.classification.sections import (
    confusion_table,
    cost_sentences,
    decision_section,
    per_class_table,
    rare_classes,
    shift_blocks,
)
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification
from tests.reporting.sections.test_results import NAMES, scores, systems


def test_per_class_table():
    table = per_class_table(systems(), "t")
    assert table.columns == ["class", "support", *["P", "R", "F1"] * 3]
    assert table.groups == ["", "", *["model"] * 3, *["majority"] * 3, *["tfidf_svm"] * 3]
    assert table.rows[0][:5] == ["Permissive", "2", "0.667", "1.000", "0.800"]
    assert table.rows[1][:8] == ["Copyleft", "2", "1.000", "0.500", "0.667", "0.000", "0.000", "0.000"]
    assert table.rows[2][:5] == ["Proprietary Free", "0", "–", "–", "–"]
    assert [row[0] for row in table.rows[3:]] == ["macro mean", "micro mean", "weighted mean", "accuracy"]
    assert table.rows[3][1:5] == ["4", "0.833", "0.750", "0.733"]
    assert table.rows[6][:8] == ["accuracy", "4", "", "", "0.750", "", "", "0.500"]
    assert table.rules == {2}


def test_confusion_table():
    table = confusion_table(scores([0, 1, 1, 0]), "t")
    assert to_markdown(table) == (
        "| true \\\\ predicted | Permissive | Copyleft | Proprietary Free |\n| :--- | ---: | ---: | ---: |\n"
        "| Permissive | 1 | 1 | 0 |\n| Copyleft | 1 | 1 | 0 |\n| Proprietary Free | 0 | 0 | 0 |\n"
    )
    many = [str(i) for i in range(21)]
    assert confusion_table(scores([0, 1, 1, 0], names=many), "t") is None


def test_grouped_where_it_fits_and_one_a_system_where_not():
    def shown(width):
        out = io.StringIO()
        Console(file=out, width=width).print(GroupedTable(per_class_table(systems(), "per class")))
        text = out.getvalue()
        assert all(len(line) <= width for line in text.splitlines())
        assert "Proprietary Free" in text
        return text

    assert shown(100).count("weighted mean") == 1
    assert shown(60).count("weighted mean") == 3
    assert "per class: tfidf_svm" in shown(60)


def test_multi_label_counts_labels_and_has_no_matrix():
    truth = np.array([[1, 1, 0], [1, 0, 0]])
    both = {"model": classification_metrics(truth, truth, NAMES, multi_label=True)}
    table = per_class_table(both, "t")
    assert table.rows[-1][:2] == ["exact match", "2"]
    assert table.rows[-2][:2] == ["weighted mean", "3"]
    assert confusion_table(both["model"], "t") is None


def support(**counts):
    rows = sum(counts.values())
    return {"rows": rows, "per_class": {name: {"support": count} for name, count in counts.items()}}


def test_classes_with_few_rows_are_named():
    assert list(rare_classes(support(a=40, b=30), "source test")) == []
    assert list(rare_classes(support(a=40, b=29, c=3), "target test")) == [
        "Fewer than 30 rows of target test are of each of the classes c (3), b (29): their F1, and so the macro-F1, "
        "varies much by chance."
    ]
    assert list(rare_classes(support(a=5, b=3), "source test")) == []  # all rows together are too few
    many = support(z=99, **{name: number for number, name in enumerate("abcdefg")})
    assert "classes a (0), b (1), c (2), d (3), e (4) and 2 more: their" in next(rare_classes(many, "source test"))


def test_the_headline_ends_with_them():
    scores = {**support(a=40, b=29), "macro_f1": 0.5, "accuracy": 0.5}
    assert SequenceClassification.headline("source test", scores, {}).endswith(
        "0.500. Fewer than 30 rows of source test are of class b (29): its F1, and so the macro-F1, varies much by chance."
    )


PLAIN = Decision.plain(["a", "b"], multi_label=False)


def test_the_decision_is_described():
    half, rows = Calibration(np.array([0.5, 0.5]), np.zeros(2)), "90 rows of source validation"
    (only,) = decision_section(PLAIN, half, DecisionSettings(), rows).blocks
    assert only.markdown == (
        "Fitted on 90 rows of source validation.\n\n- Calibration: logits are divided by a temperature of 2.000, in the "
        "model's last layer."
    )
    decision = replace(PLAIN, accept_from=0.75, set_levels=np.array([0.25, 0.0]), costs=np.eye(2))
    settings = DecisionSettings(abstain=Abstention(0.95), sets=PredictionSets(0.9))
    facts, alert, table = decision_section(decision, None, settings, rows, ["Too few."], accepted=0.625).blocks
    assert facts.markdown.splitlines()[2:] == [
        "- Calibration: none.",
        "- A prediction is accepted from a confidence of 0.750 on, which promises a precision of at least 0.95 (95% "
        "sure); else the decision is `abstain`.",
        "- It accepts 62% of these rows.",
        "- A set holds the true class with a probability of at least 0.9, for each class.",
        "- The prediction may be missing in the set, which may be empty: no class is as probable as usual.",
        "- Predictions have the least expected cost by `task.decision.costs`, not the largest probability.",
        "- Promises hold for texts like these rows. On the rows themselves scores are a little too good.",
        "- Where these rows chose the checkpoint, too, promises are a little too good: `source.split.calibration` keeps "
        "rows apart for them.",
        "- Whether they are kept is scored on other rows with labels alone, such as a test split.",
        "- Too few.",
    ]
    assert alert == Alert("Too few.")
    assert isinstance(table, Table)
    assert table.rows == [["a", "0.250"], ["b", "0.000"]]
    apart = decision_section(decision, None, settings, "90 rows of source calibration").blocks[0]
    assert "keeps rows apart" not in apart.markdown
    never = (
        decision_section(replace(PLAIN, accept_from=math.inf), half, settings, rows, ["None is."]).blocks[0].markdown
    )
    assert "accepted" not in never and never.endswith("\n- None is.")


def test_what_decisions_cost_is_said_next_to_baselines():
    scores = {**support(a=40, b=40), "macro_f1": 0.5, "accuracy": 0.5, "cost": 0.5, "plain_cost": 0.75}
    others = {"majority": {"macro_f1": 0.25, "cost": 1.5}}
    assert SequenceClassification.headline("source test", scores, others).endswith(
        "Predictions were made for the least expected cost, not for F1: they cost 0.50 a text, those without costs "
        "0.75, majority 1.50."
    )
    assert list(cost_sentences({"accuracy": 0.5}, others)) == []


@pytest.mark.parametrize(
    ("decision", "kind", "end"),
    [
        (PLAIN, Text, "probabilities may not be calibrated there."),
        (
            replace(PLAIN, accept_from=0.5),
            Alert,
            "there is no promise on this domain, neither of precision nor of coverage.",
        ),
    ],
)
def test_a_target_of_other_texts_voids_promises(decision, kind, end):
    rows = Dataset.from_dict({"input_ids": [[1, 2]] * 60})
    decision = replace(decision, frequencies=TokenFrequencies.of([[1, 3]] * 60))
    (block,) = shift_blocks(decision, {"source": {}, "target": {"test": rows}})
    assert isinstance(block, kind)
    text = block.text if isinstance(block, Alert) else block.markdown
    assert text.startswith("The texts of target test differ from those that the decision was fitted on (p = ")
    assert text.endswith(end)
    same = Dataset.from_dict({"input_ids": [[1, 3]] * 60})
    (block,) = shift_blocks(decision, {"target": {"test": same}})
    assert block.markdown == (
        "The texts of target test do not differ visibly from those that the decision was fitted on (p = 1, by token "
        "frequencies)."
    )
    assert list(shift_blocks(decision, {"source": {}})) == []
    assert list(shift_blocks(replace(decision, frequencies=None), {"target": {"test": same}})) == []


def test_few_texts_of_a_target_are_not_tested():
    few = {"target": {"test": Dataset.from_dict({"input_ids": [[1, 3]] * 3})}}
    decision = replace(PLAIN, frequencies=TokenFrequencies.of([[1, 3]] * 60))
    text = (
        "The texts of target test were not tested for being like those that the decision was fitted on: 3 texts are too "
        "few for the shift test, which takes 20."
    )
    assert list(shift_blocks(decision, few)) == [Text(text)]
    assert list(shift_blocks(replace(decision, accept_from=0.5), few)) == [Alert(text)]
