"""Findings of a run that has nothing of their kind."""

from types import SimpleNamespace

import pytest

from nlp_transfer.reporting.sections.findings import FINDINGS


@pytest.mark.parametrize("find", FINDINGS, ids=lambda find: find.__name__)
def test_a_run_without_its_kind_has_no_section(find):
    run = SimpleNamespace(
        experiment=SimpleNamespace(
            sources=("books",),
            log_target_scores=False,
            report_examples=0,
            training=SimpleNamespace(metric_for_best_model=None),
        ),
        task=SimpleNamespace(label_names=(), multi_label=False, primary_metric="macro_f1"),
        trainer=SimpleNamespace(
            extensions=(),
            methods=(),
            args=SimpleNamespace(metric_for_best_model=None),
            state=SimpleNamespace(log_history=[], best_global_step=None),
        ),
        scored={"source": {}},
        rows={"source": {}},
        encoded={},
        source_only=None,
        ceiling=None,
        correction=None,
        label_methods=list,
    )
    assert find(run) is None
