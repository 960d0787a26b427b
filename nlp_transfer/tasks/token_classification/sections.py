"""Report the entities of single classes, the kinds of errors, and the decision."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nlp_transfer.metrics.entities import errors_by_kind
from nlp_transfer.metrics.metric import Scores, number
from nlp_transfer.tasks.abstention import SAME_ROWS
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown
from nlp_transfer.tasks.token_classification.entities import TaggedText, entity_rows

if TYPE_CHECKING:
    from nlp_transfer.metrics.calibration import Calibration

_KINDS = {
    "right": "right",
    "border": "other border",
    "class": "other class",
    "missed": "missed",
    "spurious": "spurious",
}
"""Headings of the kinds of errors, by their names in `errors_by_kind`."""


def class_table(systems: Mapping[str, Scores]) -> Table:
    """Return support, and strict precision, recall and F1 of each class and system, the model first."""
    first = next(iter(systems.values()))
    columns = ["class", "support"] + ["P", "R", "F1"] * len(systems)
    groups = ["", ""] + [name for name in systems for _ in range(3)]
    rows = []
    for label, scores in first["per_class"].items():
        row = [label, f"{scores['support']:,}"]
        for system in systems.values():
            row += [number(system["per_class"][label][key]) for key in ("precision", "recall", "f1")]
        rows.append(row)
    return Table("per class", columns, rows, groups, splits=True)


def error_section(
    texts: Mapping[str, Mapping[str, Sequence[TaggedText]]], label_names: Sequence[str]
) -> Section | None:
    """Return the section on the kinds of errors of each split, of every class; None without references."""
    blocks: list[Block] = []
    for domain, splits in texts.items():
        for split, of_split in splits.items():
            made = [one.entities(label_names) for one in of_split]
            counts = errors_by_kind(entity_rows(of_split, made, label_names))
            rows = [[name, *(f"{kinds[kind]:,}" for kind in _KINDS)] for name, kinds in counts.items()]
            blocks.append(Text(f"{domain} {split}:"))
            blocks.append(Table("", ["class", *_KINDS.values()], rows, in_terminal=False))
            inexact = sum(one.inexact for one in of_split)
            if inexact:
                blocks.append(
                    Text(f"{inexact:,} of them begin or end inside a word (task.unit), where none can be found.")
                )
    if not blocks:
        return None
    note = Text(
        "Marked entities by what the model makes of them. One with another border overlaps a predicted one of its "
        "class; a spurious one overlaps none."
    )
    return Section("Entities", (note, *blocks))


def decision_section(
    calibration: "Calibration | None", accept_from: float | None, broken_promise: str, split: str
) -> Section | None:
    """Return the section on calibration and abstention; None if neither was fitted."""
    facts = []
    if calibration is not None:
        facts.append(
            f"- Logits are divided by a temperature of {1 / calibration.scale[0]:.3f}, in the model's last layer."
        )
    if accept_from is not None and not broken_promise:
        facts.append(f"- Entities are accepted from a probability of {accept_from:.3f} on; others are marked abstain.")
        facts += [f"- {SAME_ROWS}"] if split == "validation" else []
    if broken_promise:
        facts.append(f"- {escape_markdown(broken_promise)}")
    if not facts:
        return None
    alerts = [Alert(broken_promise)] if broken_promise else []
    return Section("Decision", (Text("\n".join([f"Fitted on source {split}.\n", *facts])), *alerts))
