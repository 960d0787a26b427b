"""What a run says of its target beside training."""

from types import SimpleNamespace

import numpy as np

from nlp_transfer.reporting.scoring import Scored
from nlp_transfer.target_classes import class_frequencies


def test_of_a_class_that_source_validation_lacks_the_report_says_that_nothing_is_known() -> None:
    known, unknown = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 1, 2])
    scored = {
        "source": {"validation": Scored([], 4 * np.eye(3)[known], known, {})},
        "target": {"test": Scored([], 4 * np.eye(3)[unknown], unknown, {})},
    }
    task = SimpleNamespace(label_names=["public", "permissive", "copyleft"])
    facts = class_frequencies(task, scored)
    assert list(facts) == ["public", "permissive", "copyleft"]
    assert facts["public"].startswith("0.500 in source validation, about 0.2")
    assert facts["public"].endswith("; by its labels 0.250")
    assert facts["copyleft"] == (
        "no row in source validation to go by; the model gives it 0.250 of the target; by its labels 0.250"
    )
