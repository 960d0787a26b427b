"""What a task without classes refuses."""

import numpy as np
import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks import MaskedLanguageModeling


def test_a_task_without_classes_has_none_to_give():
    task = MaskedLanguageModeling().fit(None)
    assert (task.label_names, task.multi_label, task.threshold_by_label()) == ((), False, {})
    for call in (task.predictions, task.probabilities):
        with pytest.raises(ConfigError, match="masked_language_modeling has no classes"):
            call(np.zeros((1, 2)))
    with pytest.raises(ConfigError, match="masked_language_modeling has no loss of a row"):
        task.row_losses(None, None)
