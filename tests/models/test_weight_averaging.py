"""Weights between networks and means of them, against numbers by hand."""

import pytest
import torch

from nlp_transfer.models.weight_averaging import average, interpolate, shape_differences

PRETRAINED = {"encoder": torch.tensor([0.0, 4.0]), "head": torch.tensor([9.0])}
FINE_TUNED = {"encoder": torch.tensor([10.0, 0.0]), "head": torch.tensor([1.0]), "new": torch.tensor([2.0])}


def test_a_point_on_the_line_moves_only_what_is_named():
    found = interpolate(PRETRAINED, FINE_TUNED, 0.25, {"encoder"})
    assert {name: weight.tolist() for name, weight in found.items()} == {
        "encoder": [2.5, 3.0],  # 0.75 · 0 + 0.25 · 10, 0.75 · 4 + 0.25 · 0
        "head": [1.0],
        "new": [2.0],
    }


def test_the_ends_are_the_networks_themselves():
    assert interpolate(PRETRAINED, FINE_TUNED, 1.0, {"encoder"})["encoder"].equal(FINE_TUNED["encoder"])
    assert interpolate(PRETRAINED, FINE_TUNED, 0.0, {"encoder"})["encoder"].equal(PRETRAINED["encoder"])


def test_the_mean_is_made_in_float64():
    # In float32 the ones would be lost beside the large number before it is taken away again.
    networks = [{"w": torch.tensor([value])} for value in (2.0**25, 1.0, 1.0, -(2.0**25))]
    assert average(networks)["w"].item() == 0.5
    assert average(networks)["w"].dtype == torch.float32
    halves = [{"w": torch.tensor([value], dtype=torch.bfloat16)} for value in (1.0, 2.0)]
    assert (average(halves)["w"].item(), average(halves)["w"].dtype) == (1.5, torch.bfloat16)


def test_an_index_has_no_mean():
    networks = [{"positions": torch.tensor([0, 1]), "w": torch.tensor([float(i)])} for i in range(2)]
    assert average(networks)["positions"].tolist() == [0, 1]


def test_networks_that_differ():
    assert shape_differences(PRETRAINED, FINE_TUNED) == ["new"]
    assert shape_differences({"a": torch.zeros(2)}, {"a": torch.zeros(3)}) == ["a"]
    with pytest.raises(ValueError, match=r"^Weights that are not all of one shape have no mean: new\.$"):
        average([FINE_TUNED, PRETRAINED])
