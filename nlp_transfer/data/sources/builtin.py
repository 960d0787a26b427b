"""List the corpora that ship with a package. A new one is a function and one line."""

from collections.abc import Callable

from nlp_transfer.data.source import CorpusReader
from nlp_transfer.data.sources.aclsum import aclsum_source
from nlp_transfer.data.sources.license_pages import license_page_source
from nlp_transfer.data.sources.licenses import license_source

BUILTIN: dict[str, Callable[[str], CorpusReader]] = {
    "licenses": license_source,
    "license_pages": license_page_source,
    "aclsum": aclsum_source,
}
"""Readers of built-in corpora by name."""
