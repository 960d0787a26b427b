"""Diagnose the texts: how many and how long, what is cut, damaged encodings, languages, words in pieces."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nlp_transfer.metrics.language import languages
from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, DomainRows
from nlp_transfer.tasks.blocks import Block, Section, Table, Text, escape_markdown

DAMAGED = re.compile("\ufffd|[\u00c3\u00c2][\u0080-\u00bf]|\u00e2\u20ac[\u2122\u0153\u201d]")
"""The replacement character, and UTF-8 that was read as Windows-1252."""

PIECES, WORDS = 4, 12
"""Words of so many pieces or more are named, at most so many of them."""


def texts(data: DiagnosisData) -> Section:
    """Return the section on sizes and lengths by split."""
    length, rows = data.task.max_length, []
    for domain, splits in data.prepared.data.encoded.items():
        for name, split in splits.items():
            tokens, read = np.asarray(split["text_length"]), np.asarray(split["read"])
            cells = [f"{np.median(tokens):,.0f}", f"{np.quantile(tokens, 0.9):,.0f}", f"{tokens.max():,}"]
            cells += [f"{(tokens > length).mean():.0%}", f"{read.sum() / tokens.sum():.1%}"]
            rows.append([domain, name, f"{len(split):,}", *cells])
    columns = ["domain", "split", "texts", "median tokens", "90 %", "longest", f"over {length:,}", "tokens read"]
    blocks: list[Block] = [Table("Texts", columns, rows, names=2)]
    known = [("source", data.source), *([("target", data.target)] if data.target is not None else [])]
    for domain, own in known:
        damaged = [str(own.ids[place]) for place, text in enumerate(own.texts) if DAMAGED.search(text)]
        if damaged:
            named = ", ".join(map(escape_markdown, damaged[:5]))
            blocks.append(
                Text(f"{len(damaged):,} texts of the {domain} look wrongly decoded, such as those of id {named}.")
            )
        blocks.append(Text(_languages(domain, own)))
        if split_words := _split_words(own.texts, data):
            blocks.append(
                Text(f"Frequent words of the {domain} that the tokenizer knows in pieces only: {split_words}.")
            )
    return Section("Texts", tuple(blocks))


def _languages(domain: str, rows: DomainRows) -> str:
    """Return the languages of a domain's texts, with texts of the rarer ones."""
    places: dict[str, list[int]] = {}
    for place, language in enumerate(languages(rows.texts)):
        if language is not None:
            places.setdefault(language, []).append(place)
    if not places:
        return f"The texts of the {domain} are too short to tell their language."
    first, *others = sorted(places, key=lambda language: -len(places[language]))
    counted = f"Language of the {domain}: {first} in {len(places[first]):,} of {len(rows.texts):,} texts"
    for language in others:
        named = ", ".join(escape_markdown(str(rows.ids[place])) for place in places[language][:3])
        counted += f"; {language} in {len(places[language]):,}, such as id {named}"
    open_ones = len(rows.texts) - sum(map(len, places.values()))
    return counted + (f"; {open_ones:,} cannot be told." if open_ones else ".")


def _split_words(texts: Sequence[str], data: DiagnosisData) -> str:
    """Return the words of many pieces that cost the most tokens, with their pieces."""
    counts = Counter(word for text in texts[:5000] for word in plain_words(text))
    frequent = [word for word, count in counts.most_common(5000) if count >= 5 and len(word) > PIECES]
    if not frequent:
        return ""
    pieces = data.prepared.data.tokenizer(frequent, add_special_tokens=False, verbose=False)["input_ids"]
    long = [(counts[word] * len(ids), word, len(ids)) for word, ids in zip(frequent, pieces, strict=True)]
    worst = sorted((one for one in long if one[2] >= PIECES), reverse=True)[:WORDS]
    return ", ".join(f"{escape_markdown(word)} ({count})" for _, word, count in worst)
