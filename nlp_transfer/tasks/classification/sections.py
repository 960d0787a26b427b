"""Tabulate the scores of single classes: per class, and the confusion matrix."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from nlp_transfer.data.encoding.token_frequencies import ALARM, TokenFrequencies, exchangeability, untested
from nlp_transfer.metrics.metric import Scores, number
from nlp_transfer.tasks.abstention import SAME_ROWS
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import DecisionSettings
from nlp_transfer.tasks.classification.figures import class_bars, confusion_grid
from nlp_transfer.tasks.headline import MIN_ROWS

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.metrics.calibration import Calibration

MATRIX_CLASSES = 20
"""Maximum number of classes of a confusion matrix."""

_LISTED = 5  # rare classes that a sentence names


def class_blocks(systems: Mapping[str, Scores]) -> tuple[Block, ...]:
    """Return the table per class of systems, the model first, and the model's confusion matrix, with figures."""
    scores = next(iter(systems.values()))
    blocks: tuple[Block, ...] = (class_bars(scores), per_class_table(systems, "per class"))
    if (matrix := confusion_table(scores, "")) is not None:
        note = Text("The model's confusions, rows true, columns predicted:\n")
        blocks = (*blocks, note, matrix, confusion_grid(scores, matrix))
    return blocks


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


def cost_sentences(scores: Scores, others: Mapping[str, Scores]) -> Iterator[str]:
    """Yield a sentence on what decisions cost, where they were made for the least expected cost.

    Example:
        >>> list(cost_sentences({"accuracy": 0.5}, {}))
        []
    """
    if scores.get("cost") is None:
        return
    known = {"those without costs": scores["plain_cost"]}
    known |= {name: one["cost"] for name, one in others.items() if one.get("cost") is not None}
    listed = ", ".join(f"{name} {cost:.2f}" for name, cost in known.items())
    cost = f"{scores['cost']:.2f} a text"
    yield f"Predictions were made for the least expected cost, not for F1: they cost {cost}, {listed}."


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


def decision_section(
    decision: Decision,
    calibration: "Calibration | None",
    settings: DecisionSettings,
    fitted_on: str,
    problems: Iterable[str] = (),
    more: Iterable[Block] = (),
    accepted: float | None = None,
) -> Section:
    """Return the section about what is made of probabilities, and which promises cannot be kept.

    `fitted_on` names the rows that the decision was fitted on, of which it accepts the share `accepted`.
    """
    facts = [f"- Calibration: {_calibration(decision, calibration)}."]
    if decision.accept_from is not None and math.isfinite(decision.accept_from):
        asked, sure = f"{settings.abstain.precision:g}", f"{settings.abstain.confidence:.0%}"
        facts.append(
            f"- A prediction is accepted from a confidence of {decision.accept_from:.3f} on, which promises a "
            f"precision of at least {asked} ({sure} sure); else the decision is `abstain`."
        )
        if accepted is not None:
            facts.append(f"- It accepts {accepted:.0%} of these rows.")
    if decision.set_levels is not None:
        kind = "for each class" if settings.sets.per_class else "on average over texts"
        facts.append(f"- A set holds the true class with a probability of at least {settings.sets.coverage:g}, {kind}.")
        facts.append(
            "- A predicted label may be missing in the set: thresholds serve F1 or costs, sets coverage."
            if decision.multi_label
            else "- The prediction may be missing in the set, which may be empty: no class is as probable as usual."
        )
    if decision.costs is not None:
        facts.append(
            "- Predictions have the least expected cost by `task.decision.costs`, not the largest probability."
        )
    if decision.promises or decision.costs is not None:
        facts.append("- Promises hold for texts like these rows. On the rows themselves scores are a little too good.")
    if decision.promises and fitted_on.endswith(" validation"):
        facts.append(f"- {SAME_ROWS}")
    if decision.promises:
        facts.append("- Whether they are kept is scored on other rows with labels alone, such as a test split.")
    problems = list(problems)
    facts += [f"- {escape_markdown(problem)}" for problem in problems]
    blocks: list[Block] = [Text("\n".join([f"Fitted on {fitted_on}.\n", *facts])), *map(Alert, problems)]
    if decision.set_levels is not None:
        rows = [[name, number(level)] for name, level in zip(decision.label_names, decision.set_levels, strict=True)]
        blocks.append(Table("", ["class", "in the set from"], rows))
    return Section("Decision", (*blocks, *more))


def shift_blocks(decision: Decision, encoded: "Mapping[str, Mapping[str, Dataset]]") -> Iterator[Block]:
    """Yield for each split of the target whether its texts are exchangeable with those of the decision."""
    for split, rows in encoded.get("target", {}).items():
        if decision.frequencies is not None:
            new = TokenFrequencies.of(rows["input_ids"])
            yield shift_block(decision, decision.frequencies, new, f"The texts of target {split}")


def shift_block(decision: Decision, known: TokenFrequencies, new: TokenFrequencies, subject: str) -> Block:
    """Return whether the texts that `subject` names are exchangeable with `known` ones, those of the decision."""
    p, theirs = exchangeability(known, new), "those that the decision was fitted on"
    if p is None:
        text = f"{subject} were not tested for being like {theirs}: {untested(known, new)}."
        return Alert(text) if decision.promises else Text(text)
    theirs += f" (p = {p:.1g}, by token frequencies)"
    if p >= ALARM:
        return Text(f"{subject} do not differ visibly from {theirs}.")
    if not decision.promises:
        return Text(f"{subject} differ from {theirs}: probabilities may not be calibrated there.")
    return Alert(
        f"{subject} differ from {theirs}: there is no promise on this domain, neither of precision nor of coverage."
    )


def _calibration(decision: Decision, calibration: "Calibration | None") -> str:
    if calibration is None:
        return "none"
    if not decision.multi_label:
        return f"logits are divided by a temperature of {1 / calibration.scale[0]:.3f}, in the model's last layer"
    return "the logit of each label is scaled and shifted (Platt), in the model's last layer"
