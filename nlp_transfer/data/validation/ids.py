"""Check that row ids are unique, because they are the keys of predictions."""

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from nlp_transfer.errors import DataError

_MAX_LISTED_IDS = 3


def check_ids(splits: dict[str, Dataset], where: dict[str, str], key: str) -> None:
    """Raise `DataError` for repeated ids; `unlabeled` may repeat those of other splits."""
    problems = []
    for names in ([name for name in splits if name != "unlabeled"], ["unlabeled"]):
        present = [name for name in names if name in splits]
        ids = pa.chunked_array(
            [chunk for name in present for chunk in splits[name].data.column("id").chunks], pa.string()
        )
        if pc.count_distinct(ids).as_py() == len(ids):
            continue
        counts = ids.value_counts()
        repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        listed = [
            f"{value!r} ({_places(value, present, splits, where)})" for value in repeated[:_MAX_LISTED_IDS].to_pylist()
        ]
        more = f", … ({len(repeated)} ids)" if len(repeated) > _MAX_LISTED_IDS else ""
        problems.append(f"Ids are repeated: {', '.join(listed)}{more}. Make new ones: `{key}.columns: {{id: unused}}`.")
    if problems:
        raise DataError(problems)


def _places(value: str, names: list[str], splits: dict[str, Dataset], where: dict[str, str]) -> str:
    """Return the first two places of an id."""
    places = [
        f"{where[name]} row {row}"
        for name in names
        for row in splits[name].data.column("row").filter(pc.equal(splits[name].data.column("id"), value)).to_pylist()
    ]
    return " and ".join(places[:2])
