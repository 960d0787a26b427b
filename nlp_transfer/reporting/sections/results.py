"""Tabulate the scores of systems side by side, as the `METRICS` table describes them.

A system is the model or a baseline. All systems of a table were scored on the same rows.
"""

from collections.abc import Iterator, Mapping, Sequence

from nlp_transfer.metrics.metric import UNDEFINED, Metric, Scores
from nlp_transfer.metrics.table import METRICS, metrics_of
from nlp_transfer.reporting.report import DOMAINS, MODEL, Report
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.base import Task
from nlp_transfer.tasks.blocks import Block, Figure, Section, Table, Text, escape_markdown
from nlp_transfer.tasks.charts import Intervals
from nlp_transfer.tasks.headline import below_on_validation


def result_tables(systems: Mapping[str, Scores], title: str, rows: Sequence[type]) -> list[Table]:
    """Return tables with one row a system and one column a metric; an interval follows its metric.

    `rows` are the types that the metrics are computed of. A system without a score of a table is not in it.

    Example:
        >>> from nlp_transfer.metrics.metric import TokenRows
        >>> result_tables({"model": {"perplexity": 12.0, "loss": 2.48}}, "t", [TokenRows])[0].rows
        [['model', '12.00', '2.480']]
    """
    known = _shown(next(iter(systems.values())), rows)
    tables: list[Table] = []
    for number_of_table in sorted({metric.table for metric in known}):
        own = [metric for metric in known if metric.table == number_of_table]
        tables.append(_result_table(systems, own, "" if tables else title))
    return tables


def _shown(scores: Scores, rows: Sequence[type]) -> list[Metric]:
    """Return the metrics that tables show of some scores."""
    known = [
        metric
        for metric in metrics_of(*rows)
        if metric.heading is not None
        and metric.name in scores
        and (metric.requires is None or metric.requires in scores)
    ]
    replaced = {metric.replaces for metric in known}
    return [metric for metric in known if metric.name not in replaced]


def _result_table(systems: Mapping[str, Scores], metrics: list[Metric], title: str) -> Table:
    systems = {name: one for name, one in systems.items() if any(metric.name in one for metric in metrics)}
    first = next(iter(systems.values()))
    groups, columns, rows = [""], ["system"], [[name] for name in systems]
    for metric in metrics:
        group, name = metric.heading or ("", metric.title)
        groups.append(group)
        columns.append(name)
        for row, scores in zip(rows, systems.values(), strict=True):
            row.append(metric.format(scores.get(metric.name)))
        low, high = f"{metric.name}_low", f"{metric.name}_high"
        if metric.has_interval and low in first:
            groups.append(group)
            columns.append(f"{name}, 95 %")
            for row, scores in zip(rows, systems.values(), strict=True):
                ends = f"{metric.format(scores.get(low))}–{metric.format(scores.get(high))}"
                row.append(UNDEFINED if scores.get(low) is None else ends)
    in_terminal = any(metric.in_terminal for metric in metrics)
    return Table(title, columns, rows, groups=groups if any(groups) else (), in_terminal=in_terminal)


def compared_metrics(scores: Scores, primary: str) -> list[Metric]:
    """Return the metrics by which trained models are compared, the primary one first.

    Example:
        >>> [metric.name for metric in compared_metrics({"accuracy": 0.5, "macro_f1": 0.4}, "macro_f1")]
        ['macro_f1', 'accuracy']
    """
    known = [metric for metric in METRICS.values() if metric.compared and metric.name in scores]
    return sorted(known, key=lambda metric: metric.name != primary)


def side_by_side(
    scored: Mapping[str, Mapping[str, Mapping[str, Scores]]],
    title: str,
    heading: str,
    marked: str = "",
    *,
    primary: str,
    like: Mapping[str, Mapping[str, Scores]] | None = None,
) -> Table:
    """Return a table with a row for each system: the compared metrics of each domain and split, those of `like`."""
    like = next(iter(scored.values())) if like is None else like
    cells = [
        (domain, split, metric)
        for domain, splits in like.items()
        for split, scores in splits.items()
        for metric in compared_metrics(scores, primary)
    ]
    columns = [heading, *(metric.title for _, _, metric in cells)]
    groups = ["", *(f"{domain} {split}" for domain, split, _ in cells)]
    rows = [
        [
            f"{name} ←" if name == marked else name,
            *(metric.format(one.get(domain, {}).get(split, {}).get(metric.name)) for domain, split, metric in cells),
        ]
        for name, one in scored.items()
    ]
    return Table(title, columns, rows, groups=groups)


def split_blocks(task: type[Task], systems: Mapping[str, Scores]) -> tuple[Block, ...]:
    """Return everything about the scores of one split."""
    return (*result_tables(systems, "", task.scored_rows), *task.details(systems))


def drawn_blocks(task: type[Task], systems: Mapping[str, Scores], where: str) -> tuple[Block, ...]:
    """Return everything about the scores of one split, the figures first, with those of metrics and intervals."""
    blocks = (*score_figures(task, systems, where), *split_blocks(task, systems))
    return tuple(sorted(blocks, key=lambda block: not isinstance(block, Figure)))


def score_figures(task: type[Task], systems: Mapping[str, Scores], where: str) -> Iterator[Figure]:
    """Yield a figure for each metric that has intervals, with a dot for each system."""
    for metric in _shown(systems[MODEL], task.scored_rows):
        named = {
            name: [scores.get(metric.name + end) for end in ("", "_low", "_high")] for name, scores in systems.items()
        }
        dots = {name: [one for one in dot if one is not None] for name, dot in named.items() if dot[0] is not None}
        if metric.has_interval and MODEL in dots and (len(dots) > 1 or not metric.table):
            values = ", ".join(f"{name} {metric.format(value)}" for name, (value, *_) in dots.items())
            caption = f"{metric.title} of {where}, with 95 % intervals."
            yield Figure(Intervals(metric.title, dots, MODEL), f"{metric.title} of {where}: {values}", caption)


def legend(task: type[Task]) -> str:
    """Return the sentences that explain the numbers of a task's tables and their intervals."""
    return (
        f"{task.wording.legend} The interval is a 95 % percentile bootstrap over the {task.wording.unit} scored, for "
        "one trained model; it does not cover other seeds."
    )


def results(report: Report) -> Section:
    """Return the section with the scores of every domain and split, with figures of those that count."""
    task, judged = TASKS[report.task], set(report.headlines())
    blocks: list[Block] = []
    for domain in DOMAINS:
        for split in report.metrics.get(domain, {}):
            systems = report.systems(domain, split)
            blocks.append(Text(f"### {domain}, {split} ({systems[MODEL]['rows']:,} {task.wording.unit})"))
            made = drawn_blocks(task, systems, f"{domain} {split}")
            blocks += [block for block in made if (domain, split) in judged or not isinstance(block, Figure)]
    return Section("Results", (*blocks, Text(legend(task) if blocks else NOTHING_SCORED)))


NOTHING_SCORED = (
    "No held-out rows with labels: nothing is scored. `predict` applies the model, `evaluate` scores it later."
)


def opening(report: Report) -> Iterator[str]:
    """Yield sentences on the encoder, its domains, its scores and the best baselines."""
    origins = {domain: escape_markdown(corpus.origin) for domain, corpus in report.corpora.items()}
    how = f"moved into {origins.get('source', origins.get('target'))}"
    if len(origins) > 1:
        how = f"trained on {origins['source']}, with the target domain {origins['target']},"
    yield f"`{report.model}` {how} by {report.method_names} (seed {report.seed})."
    yield from headlines(report)


def headlines(report: Report) -> Iterator[str]:
    """Yield the scores of each domain's headline split and their comparison with the best baseline, as sentences."""
    task = TASKS[report.task]
    for domain, split in report.headlines():
        systems = report.systems(domain, split)
        others = {name: scores for name, scores in systems.items() if name != MODEL}
        yield task.headline(f"{domain} {split}", systems[MODEL], others)
        if split == "test":
            validation, metric = report.systems(domain, "validation"), METRICS[task.primary_metric]
            yield from below_on_validation(metric, f"{domain} validation", validation, systems, task.ceiling)


def headline_results(report: Report) -> Section:
    """Return the section with the tables of a terminal: those of the split that each domain is judged by."""
    task = TASKS[report.task]
    blocks: list[Block] = []
    for domain, split in report.headlines():
        systems = report.systems(domain, split)
        blocks.append(Text(f"### {domain}, {split} ({systems[MODEL]['rows']:,} {task.wording.unit})"))
        blocks += [one for one in split_blocks(task, systems) if isinstance(one, Table) and one.in_terminal]
    return Section("Results", tuple(blocks))


def score_summary(report: Report) -> str:
    """Return the primary metric of each domain's headline split as text."""
    metric = METRICS[TASKS[report.task].primary_metric]
    return ", ".join(
        f"{domain} {split} {metric.title} {metric.format(report.metrics[domain][split][metric.name])}"
        for domain, split in report.headlines()
    )
