"""The command needs two runs."""

import pytest

from nlp_transfer.commands.compare import compare
from nlp_transfer.errors import ConfigError


def test_one_run_is_refused():
    with pytest.raises(ConfigError, match=r"two finished runs or more. Expected: compare RUN RUN …"):
        compare(["runs/a"])
