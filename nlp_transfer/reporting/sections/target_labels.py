"""Report the target labels that training or checkpoint selection used."""

from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.training.target_data import selects_by_target_labels


def target_labels(run: RunContext) -> Section | None:
    """Return the section about the target labels in use; None where there are none."""
    facts = {}
    for method in run.label_methods():
        rows = len(run.corpora["target"].splits["train"])
        facts["learned from"] = (
            f"those of {rows:,} rows of split train were learned from, by {method.name}; not by the baselines"
        )
    if selects_by_target_labels(run.experiment):
        rows = len(run.encoded["target"]["validation"])
        facts["chose the checkpoint"] = f"those of {rows:,} rows of split validation"
    return facts_section("Target labels", ("use", "labels"), facts)
