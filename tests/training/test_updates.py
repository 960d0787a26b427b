"""An update knows its rows."""

from nlp_transfer.training.updates import RowOrigins, row_count, without_origins
from tests.tiny_models import collate
from tests.training.faulty import named_rows


def test_ids_go_beside_the_batch_and_never_to_the_model():
    batch = RowOrigins(collate)(list(named_rows(3)))
    assert batch["row_ids"] == ["row-0", "row-1", "row-2"]
    assert set(without_origins(batch)) == {"input_ids", "attention_mask", "labels"}
    assert row_count(without_origins(batch)) == 3
