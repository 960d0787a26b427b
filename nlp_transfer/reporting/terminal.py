"""Show the results of one split in a terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.console import RenderableType
from rich.text import Text

from nlp_transfer.metrics.metric import Scores
from nlp_transfer.reporting.sections.results import result_tables
from nlp_transfer.reporting.tables import GroupedTable, to_rich
from nlp_transfer.tasks.base import Task
from nlp_transfer.tasks.blocks import Table


def shown_results(task: type[Task], systems: Mapping[str, Scores], where: str) -> Iterator[RenderableType]:
    """Yield the tables of one split, each with a blank line after it.

    Args:
        task: what was predicted.
        systems: scores by system, the model first.
        where: domain and split, for titles.
    """
    count = next(iter(systems.values()))["rows"]
    for table in result_tables(systems, f"{where} · {count:,} {task.wording.unit}", task.scored_rows):
        yield from (to_rich(table), Text())
    for block in task.details(systems):
        if isinstance(block, Table) and block.in_terminal:
            yield from (GroupedTable(replace(block, title=f"{where} · {block.title}")), Text())
