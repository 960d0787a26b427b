"""Tables of classes and of errors."""

import math

import numpy as np

from nlp_transfer.metrics.calibration import Calibration
from nlp_transfer.tasks.blocks import Alert, Table, Text
from nlp_transfer.tasks.token_classification.entities import TaggedText
from nlp_transfer.tasks.token_classification.sections import class_table, decision_section, error_section


def test_each_class_has_a_row():
    scores = {"per_class": {"A": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 1200}}}
    table = class_table({"model": scores, "dictionary": scores})
    assert table.columns == ["class", "support", "P", "R", "F1", "P", "R", "F1"]
    assert table.groups == ["", "", "model", "model", "model", "dictionary", "dictionary", "dictionary"]
    assert table.rows == [["A", "1,200", "0.500", "0.250", "0.333", "0.500", "0.250", "0.333"]]


def test_kinds_of_errors_of_each_split():
    one = TaggedText("a", "ab c", [(0, 2), (3, 4)], np.eye(3)[[1, 0]] * 20, [(0, 1, "A"), (3, 4, "A")], [1, 1], 1)
    section = error_section({"source": {"test": [one]}}, ["A"])
    assert section is not None
    _, where, table, note = section.blocks
    assert where == Text("source test:")
    assert isinstance(table, Table)
    assert table.rows == [["A", "0", "1", "0", "1", "0"]]
    assert isinstance(note, Text)
    assert note.markdown == "1 of them begin or end inside a word (task.unit), where none can be found."
    assert error_section({"source": {}}, ["A"]) is None


def test_the_decision_tells_calibration_and_abstention():
    section = decision_section(Calibration(np.full(3, 0.5), np.zeros(3)), 0.75, "", "validation")
    assert section is not None
    (text,) = section.blocks
    assert isinstance(text, Text)
    assert text.markdown.startswith("Fitted on source validation.\n\n- Logits are divided by a temperature of 2.000")
    assert "accepted from a probability of 0.750 on" in text.markdown
    assert text.markdown.endswith("`source.split.calibration` keeps rows apart for them.")
    broken = decision_section(None, math.inf, "No probability …", "calibration")
    assert broken is not None
    assert broken.blocks[1] == Alert("No probability …")
    assert decision_section(None, None, "", "validation") is None
