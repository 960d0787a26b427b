"""Outputs are distinct, since methods compare what they need with what a task provides."""

from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks import TASKS


def test_each_task_provides_known_outputs():
    assert len({output.value for output in Output}) == len(Output)
    assert {name: sorted(output.value for output in task.provides) for name, task in TASKS.items()} == {
        "abstractive_summarization": ["generation", "head", "pooled", "tokens"],
        "extractive_summarization": ["head", "spans", "tokens"],
        "image_classification": ["head", "logits", "pooled", "row_loss"],
        "masked_language_modeling": [],
        "ordinal_classification": ["head", "logits", "pooled", "row_loss", "tokens"],
        "pair_regression": ["head", "numbers", "pooled", "row_loss", "tokens"],
        "regression": ["head", "numbers", "pooled", "row_loss", "tokens"],
        "sentence_pairs": ["head", "logits", "pooled", "row_loss", "tokens"],
        "sequence_classification": ["head", "logits", "pooled", "row_loss", "tokens"],
        "token_classification": ["head", "pooled", "row_loss", "tags", "tokens"],
    }
