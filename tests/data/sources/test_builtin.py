"""Built-in corpora are known by their names."""

import pytest

from nlp_transfer import CorpusConfig, load_corpus
from nlp_transfer.data.sources.builtin import BUILTIN
from nlp_transfer.errors import ConfigError


def test_an_unknown_name_is_answered_with_the_known_ones():
    assert list(BUILTIN) == ["licenses", "license_pages", "aclsum"]
    with pytest.raises(ConfigError, match=r"source\.builtin: Unknown corpus name 'licence_pages'"):
        load_corpus(CorpusConfig(builtin="licence_pages"))
