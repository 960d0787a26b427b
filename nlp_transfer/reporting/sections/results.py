"""Scores as tables: systems side by side, per class, and who is taken for whom.

A system is the model or a baseline; its scores are what `classification_metrics`, `perplexity_metrics` or
`summary_metrics` returns. All systems of a table were scored on the same rows.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult

from nlp_transfer.reporting.tables import Table, to_rich

Scores = Mapping[str, Any]
"""What `classification_metrics`, `perplexity_metrics` or `summary_metrics` returns."""

UNDEFINED = "–"
"""How a score is shown that does not exist: of a class that occurs nowhere."""

MATRIX_CLASSES = 20
"""More classes than this make a confusion matrix that nobody reads."""


def number(score: float | None) -> str:
    """A score with three decimals."""
    return UNDEFINED if score is None else f"{score:.3f}"


def summary_tables(systems: Mapping[str, Scores], title: str) -> list[Table]:
    """The systems side by side: what is known of their classes, of their perplexity, or of their summaries.

    Raises:
        ValueError: no systems.
    """
    first = _first(systems)
    if is_perplexity(first):
        return [_perplexity_table(systems, title)]
    return _of_summaries(systems, title) if is_summary(first) else [summary_table(systems, title)]


def summary_table(systems: Mapping[str, Scores], title: str) -> Table:
    """One row a classifier: accuracy, macro P, R and F1 with its 95 % interval, micro and weighted F1.

    Multi-label accuracy is called what it is, exact match.

    Raises:
        ValueError: no systems.
    """
    first = _first(systems)
    interval = "macro_f1_low" in first
    columns = [
        ("", "system"),
        ("", "exact match" if "exact_match" in first else "accuracy"),
        ("macro", "P"),
        ("macro", "R"),
        ("macro", "F1"),
        *([("macro", "F1, 95 %")] if interval else []),
        ("micro", "F1"),
        ("weighted", "F1"),
    ]
    rows = []
    for name, scores in systems.items():
        cells = [number(scores.get(key)) for key in ("accuracy", "macro_precision", "macro_recall", "macro_f1")]
        if interval:
            cells.append(f"{number(scores.get('macro_f1_low'))}–{number(scores.get('macro_f1_high'))}")
        rows.append([name, *cells, number(scores.get("micro_f1")), number(scores.get("weighted_f1"))])
    return Table(title, [name for _, name in columns], rows, groups=[group for group, _ in columns])


SHOWN = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
"""The scores that `side_by_side` shows."""


def side_by_side(
    scored: Mapping[str, Mapping[str, Mapping[str, Scores]]],
    title: str,
    heading: str,
    marked: str = "",
    *,
    like: Mapping[str, Mapping[str, Scores]] | None = None,
) -> Table:
    """A row a system: macro-F1 and accuracy of each domain and split.

    Args:
        scored: {system: {domain: {split: scores}}}.
        title: what is shown.
        heading: of the names.
        marked: the name that was chosen.
        like: has the domains and splits that are shown; None is the first system's.
    """
    like = next(iter(scored.values())) if like is None else like
    places = [(domain, split) for domain, splits in like.items() for split in splits]
    columns = [heading, *(name for _ in places for name in SHOWN.values())]
    groups = ["", *(f"{domain} {split}" for domain, split in places for _ in SHOWN)]
    rows = [
        [
            f"{name} ←" if name == marked else name,
            *(number(one.get(domain, {}).get(split, {}).get(key)) for domain, split in places for key in SHOWN),
        ]
        for name, one in scored.items()
    ]
    return Table(title, columns, rows, groups=groups)


def is_perplexity(scores: Scores) -> bool:
    """Whether scores are of masked tokens, not of classes."""
    return "perplexity" in scores


def is_summary(scores: Scores) -> bool:
    """Whether scores are of summaries, not of classes."""
    return "compression" in scores


def has_classes(scores: Scores) -> bool:
    """Whether scores are of classes, each of which has its own."""
    return "per_class" in scores


def perplexity(score: float | None) -> str:
    """A perplexity: two decimals where these say something."""
    return UNDEFINED if score is None else f"{score:,.2f}" if score < 1000 else f"{score:,.0f}"


def _perplexity_table(systems: Mapping[str, Scores], title: str) -> Table:
    columns = ["system", "perplexity", "95 %", "tokens guessed right", "loss"]
    rows = [
        [
            name,
            perplexity(scores["perplexity"]),
            f"{perplexity(scores.get('perplexity_low'))}–{perplexity(scores.get('perplexity_high'))}",
            number(scores["accuracy"]),
            number(scores["loss"]),
        ]
        for name, scores in systems.items()
    ]
    return Table(title, columns, rows)


def _of_summaries(systems: Mapping[str, Scores], title: str) -> list[Table]:
    """Tables of ROUGE where there are references, of the sentences where there are labels, and of what was written."""
    first = _first(systems)
    tables = []
    if "rouge1" in first:
        columns = [("ROUGE", "1", "rouge1"), ("ROUGE", "1, 95 %", "rouge1_low"), ("ROUGE", "2", "rouge2")]
        columns += [("ROUGE", "L", "rougeL"), ("ROUGE", "Lsum", "rougeLsum")]
        if "bertscore" in first:
            columns.append(("", "BERTScore", "bertscore"))
        tables.append(_table_of(systems, title, columns))
    if "f1" in first or "unsupported" in first or not tables:
        columns = [("sentences", "P", "precision"), ("sentences", "R", "recall"), ("sentences", "F1", "f1")]
        columns += [("sentences", "F1, 95 %", "f1_low"), ("sentences", "AP", "average_precision")]
        if "f1" not in first:
            columns = []
        lengths = [("length", "words", "words"), ("length", "of text", "compression"), ("", "repeated", "repetition")]
        if "unsupported" in first:
            lengths += [("", "new pairs", "novel_bigrams"), ("", "unsupported", "unsupported")]
        tables.append(_table_of(systems, "" if tables else title, columns + lengths))
    return tables


def _table_of(systems: Mapping[str, Scores], title: str, columns: list[tuple[str, str, str]]) -> Table:
    """One row a system, one column each of (group, name, key); the key of an interval is its lower end's."""

    def cell(scores: Scores, key: str) -> str:
        if key.endswith("_low"):
            return f"{number(scores.get(key))}–{number(scores.get(f'{key[:-4]}_high'))}"
        if key in ("compression", "repetition", "novel_bigrams"):
            return f"{scores[key]:.0%}"
        if key == "unsupported":  # an extract's sentences are the document's
            return f"{scores.get(key, 0.0):.2f}"
        return f"{scores[key]:.0f}" if key == "words" else number(scores.get(key))

    rows = [[name, *(cell(scores, key) for _, _, key in columns)] for name, scores in systems.items()]
    names, groups = ["system", *(name for _, name, _ in columns)], ["", *(group for group, _, _ in columns)]
    return Table(title, names, rows, groups=groups)


def per_class_table(systems: Mapping[str, Scores], title: str) -> Table:
    """One row a class: support, then precision, recall and F1 of each system; below, their means and the accuracy.

    Raises:
        ValueError: no systems.
    """
    first = _first(systems)
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
    return Table(title, columns, rows, groups=groups, rules=frozenset({classes - 1}))


def confusion_table(scores: Scores, title: str) -> Table | None:
    """Counts, rows true and columns predicted; None for multi-label or for more than 20 classes."""
    labels = list(scores["per_class"])
    if "exact_match" in scores or len(labels) > MATRIX_CLASSES:
        return None
    rows = [[label, *map(str, counts)] for label, counts in zip(labels, scores["confusion_matrix"], strict=True)]
    return Table(title, ["true \\ predicted", *labels], rows)


_UNBOUNDED = 10_000  # columns; asks how wide a table would like to be


class PerClassScores:
    """`per_class_table` for a terminal: one table where it fits, else one a system.

    Args:
        systems: scores by system.
        title: what is shown.
    """

    def __init__(self, systems: Mapping[str, Scores], title: str) -> None:
        self.systems = systems
        self.title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = per_class_table(self.systems, self.title)
        for longest_name in (28, 20):  # names are rather cut a little than the systems parted
            together = to_rich(table, longest_name)
            if console.measure(together, options=options.update(max_width=_UNBOUNDED)).maximum <= options.max_width:
                yield together
                return
        for name, scores in self.systems.items():
            yield to_rich(per_class_table({name: scores}, f"{self.title}: {name}"))


def _first(systems: Mapping[str, Scores]) -> Scores:
    if not systems:
        raise ValueError("A table of scores needs at least one system; got none.")
    return next(iter(systems.values()))
