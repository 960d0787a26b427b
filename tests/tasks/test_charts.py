"""The kinds of chart: an example of each, and that JSON gives it back."""

import json
from dataclasses import asdict

import pytest

from nlp_transfer.tasks.charts import CHARTS, Bars, Curves, Grid, Intervals, Points

CHART_EXAMPLES = (
    Curves("step", "loss", {"training": [[1.0, 2.0], [2.0, 1.5]], "validation": [[2.0, 1.75]]}, 2.0, "perfect"),
    Bars("F1", {"copyleft": 0.75, "public": None}, {"copyleft": "12 rows", "public": "0 rows"}),
    Intervals("macro-F1", {"model": [0.75, 0.7, 0.8], "majority": [0.25]}, "model"),
    Grid("predicted", "true", ["a", "b"], [[3, 1], [0, 2]]),
    Points("first axis", "second axis", {"source": [[1.0, 2.0], [10.0, 1.0]], "target": [[5.0, 5.0]]}, log_x=True),
)


@pytest.mark.parametrize("chart", CHART_EXAMPLES, ids=CHARTS)
def test_a_chart_is_plain_values(chart):
    assert CHARTS[type(chart).__name__](**json.loads(json.dumps(asdict(chart)))) == chart
