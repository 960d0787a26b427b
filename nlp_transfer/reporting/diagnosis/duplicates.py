"""Diagnose near-duplicates: within and across splits, and those with different labels."""

import numpy as np

from nlp_transfer.reporting.diagnosis.rows import SIMILARITY, DiagnosisData, label_text
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown


def duplicates(data: DiagnosisData) -> Section:
    """Return the section on texts that are alike."""
    places = [f"source {name}" for name in data.source.splits]
    if data.target is not None:
        places += [f"target {name}" for name in data.target.splits]
    where, groups = np.array(places), data.groups
    names = list(dict.fromkeys(places))
    learned = np.unique(groups[where == "source train"])
    sizes = np.bincount(groups)
    rows, leaked = [], 0
    for name in names:
        own = groups[where == name]
        repeated = int((np.bincount(own, minlength=len(sizes))[own] > 1).sum())
        copies = int(np.isin(own, learned).sum()) if name != "source train" else 0
        leaked += copies if name.startswith("source") else 0
        share = "" if name == "source train" else f"{copies:,} ({copies / len(own):.1%})"
        rows.append([name, f"{len(own):,}", f"{repeated:,} ({repeated / len(own):.1%})", share])
    columns = ["split", "texts", "near-duplicates within", "of training texts"]
    how = f"Texts are near-duplicates from a Jaccard similarity of {SIMILARITY} of their 5-word shingles on."
    blocks: list[Block] = [Text(how), Table("Near-duplicates", columns, rows)]
    if differing := _differing(data):
        named = "; ".join(differing[:5])
        blocks.append(Text(f"{len(differing):,} groups of near-duplicates have different labels, such as {named}."))
    if leaked:
        advice = "source.split.method: near_duplicate keeps them together."
        blocks.append(Alert(f"{leaked:,} texts of other source splits are near-duplicates of training texts: {advice}"))
    return Section("Near-duplicates", tuple(blocks))


def _differing(data: DiagnosisData) -> list[str]:
    """Return the ids and labels of groups of the source whose labels differ."""
    rows, names = data.source, data.task.label_names
    assert rows.labels is not None
    found = []
    by_group: dict[int, list[int]] = {}
    for place, group in enumerate(data.groups[: len(rows.ids)].tolist()):
        by_group.setdefault(group, []).append(place)
    for members in by_group.values():
        labels = {str(rows.labels[place]): place for place in members}
        if len(labels) > 1:
            places = sorted(labels.values())
            named = [f"{rows.ids[place]} ({label_text(names, rows.labels[place])})" for place in places]
            found.append(escape_markdown(" and ".join(named)))
    return found
