"""The section about target labels in use."""

from types import SimpleNamespace

from nlp_transfer.reporting.sections.target_labels import target_labels
from nlp_transfer.tasks.blocks import facts_section


def test_which_were_learned_from_and_which_chose():
    run = SimpleNamespace(
        experiment=SimpleNamespace(training=SimpleNamespace(metric_for_best_model="target_macro_f1")),
        corpora={"target": SimpleNamespace(splits={"train": range(1200)})},
        encoded={"target": {"validation": range(6)}},
        label_methods=lambda: [SimpleNamespace(name="joint")],
    )
    facts = {
        "learned from": "those of 1,200 rows of split train were learned from, by joint; not by the baselines",
        "chose the checkpoint": "those of 6 rows of split validation",
    }
    assert target_labels(run) == facts_section("Target labels", ("use", "labels"), facts)
