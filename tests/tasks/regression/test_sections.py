"""The page shows predictions by their truth, and what intervals promise."""

import numpy as np

from nlp_transfer.tasks.blocks import Alert
from nlp_transfer.tasks.regression.sections import MAX_POINTS, interval_section, scatter, value_table


def test_a_figure_has_evenly_spaced_rows():
    truth = np.arange(3000.0)[:, None]
    (figure,) = scatter("source test", truth + 1, truth, ["price"])
    points = figure.chart.groups["source test"]
    assert len(points) == MAX_POINTS
    assert points[0] == [0.0, 1.0]
    assert "half of the errors are below 1, one in ten above 1" in figure.alt
    assert figure.caption == "Predicted by true price, 1,000 of 3,000 rows of source test."


def test_intervals_and_a_promise_that_cannot_be_kept():
    assert interval_section(None, 0.9, "9 rows", ["x"], {}) is None
    section = interval_section(
        np.array([2.5]), 0.9, "90 rows of source validation", ["price"], {"source test": [0.875]}
    )
    assert section is not None
    assert "Fitted on 90 rows of source validation: ±2.5 (price)." in section.blocks[0].markdown  # type: ignore[union-attr]
    assert section.blocks[1].rows == [["source test", "87.5%"]]  # type: ignore[union-attr]
    assert "`source.split.calibration` keeps rows apart for them." in section.blocks[0].markdown  # type: ignore[union-attr]
    apart = interval_section(np.array([2.5]), 0.9, "90 rows of source calibration", ["price"], {})
    assert apart is not None and "split.calibration" not in apart.blocks[0].markdown  # type: ignore[union-attr]
    unbounded = interval_section(np.array([np.inf]), 0.9, "4 rows", ["price"], {})
    assert unbounded is not None
    assert isinstance(unbounded.blocks[-1], Alert)
    assert "takes more calibration rows than 4 rows" in unbounded.blocks[-1].text


def test_each_number_has_its_scores():
    one = dict.fromkeys(("r2", "mae", "mse", "pearson", "spearman"), 0.5)
    table = value_table({"model": {"per_value": {"price": one, "days": {**one, "pearson": None}}}})
    assert table.rows[0] == ["price", "0.500", "0.5", "0.5", "0.500", "0.500"]
    assert table.rows[1][4] == "–"
