"""Tabulate the scores of single classes: per class, and the confusion matrix."""

from collections.abc import Iterator, Mapping

from nlp_transfer.metrics.metric import Scores, number
from nlp_transfer.tasks.blocks import Block, Table, Text
from nlp_transfer.tasks.headline import MIN_ROWS

MATRIX_CLASSES = 20
"""Maximum number of classes of a confusion matrix."""

_LISTED = 5  # rare classes that a sentence names


def class_blocks(systems: Mapping[str, Scores]) -> tuple[Block, ...]:
    """Return the table per class of systems, the model first, and the model's confusion matrix."""
    matrix = confusion_table(next(iter(systems.values())), "")
    note = Text("The model's confusions, rows true, columns predicted:\n")
    return (per_class_table(systems, "per class"), *((note, matrix) if matrix is not None else ()))


def per_class_table(systems: Mapping[str, Scores], title: str) -> Table:
    """Return support, precision, recall and F1 of each class and system; below, their means and the accuracy."""
    first = next(iter(systems.values()))
    columns = ["class", "support"] + ["P", "R", "F1"] * len(systems)
    groups = ["", ""] + [name for name in systems for _ in range(3)]
    rows = []
    for label, scores in first["per_class"].items():
        row = [label, str(scores["support"])]
        for system in systems.values():
            row += [number(system["per_class"][label][key]) for key in ("precision", "recall", "f1")]
        rows.append(row)
    classes = len(rows)
    # Support counts labels: one a row where classes exclude one another.
    total = str(sum(scores["support"] for scores in first["per_class"].values()))
    for mean in ("macro", "micro", "weighted"):
        row = [f"{mean} mean", total]
        for system in systems.values():
            row += [number(system[f"{mean}_{key}"]) for key in ("precision", "recall", "f1")]
        rows.append(row)
    row = ["exact match" if "exact_match" in first else "accuracy", str(first["rows"])]
    for system in systems.values():
        row += ["", "", number(system["accuracy"])]
    rows.append(row)
    return Table(title, columns, rows, groups=groups, rules=frozenset({classes - 1}), splits=True)


def confusion_table(scores: Scores, title: str) -> Table | None:
    """Return counts, rows true and columns predicted; None for multi-label or more than `MATRIX_CLASSES`."""
    labels = list(scores["per_class"])
    if "exact_match" in scores or "confusion_matrix" not in scores or len(labels) > MATRIX_CLASSES:
        return None
    rows = [[label, *map(str, counts)] for label, counts in zip(labels, scores["confusion_matrix"], strict=True)]
    return Table(title, ["true \\ predicted", *labels], rows, in_terminal=False)


def rare_classes(scores: Scores, where: str) -> Iterator[str]:
    """Yield a sentence on the classes with few rows, the rarest first; none if the rows are few in all.

    Example:
        >>> scores = {"rows": 70, "per_class": {"a": {"support": 60}, "b": {"support": 10}}}
        >>> next(rare_classes(scores, "source test"))
        'Fewer than 30 rows of source test are of class b (10): its F1, and so the macro-F1, varies much by chance.'
    """
    support = {name: one["support"] for name, one in scores.get("per_class", {}).items() if one["support"] < MIN_ROWS}
    if not support or scores["rows"] < MIN_ROWS:
        return
    listed = [f"{name} ({support[name]})" for name in sorted(support, key=lambda name: support[name])]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    classes, theirs = ("class", "its") if len(listed) == 1 else ("each of the classes", "their")
    yield (
        f"Fewer than {MIN_ROWS} rows of {where} are of {classes} {', '.join(listed[:_LISTED])}{more}: {theirs} F1, and "
        "so the macro-F1, varies much by chance."
    )
