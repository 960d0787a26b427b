"""Options of one kind of merge are refused for the other."""

import pytest

from nlp_transfer.commands.merge import merge
from nlp_transfer.errors import ConfigError


@pytest.mark.parametrize(
    ("method", "runs", "options", "message"),
    [
        ("wise_ft", ["a"], {"greedy": True}, "--greedy is of soup. Expected: merge wise_ft RUN, with --output, "),
        ("wise_ft", ["a", "b"], {}, "2 runs were given. Expected: merge wise_ft RUN"),
        ("soup", ["a", "b"], {"alphas": [0.5]}, "--alphas is of wise_ft. Expected: merge soup RUN RUN"),
        ("soup", ["a", "b"], {"choose_by": "target_infomax"}, "--choose_by is of wise_ft. Expected: merge soup"),
        ("soup", ["a", "b"], {}, "--output is missing. Expected: merge soup RUN RUN … --output DIR, with --greedy."),
    ],
)
def test_an_option_of_the_other_method_is_refused(method, runs, options, message):
    with pytest.raises(ConfigError) as caught:
        merge(method, runs, **options)
    assert str(caught.value).startswith(message)
