"""The legend explains the metrics of tables."""

from nlp_transfer.tasks.classification.wording import LEGEND, NOT_FOR


def test_the_legend_names_what_tables_have():
    for name in ("Macro", "micro", "weighted", "ECE", "AURC"):
        assert name in LEGEND
    assert "without a person who reads the text" in NOT_FOR
