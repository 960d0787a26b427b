import pytest
import torch
from torch import nn

from nlp_transfer.models.speed import dropout as module
from nlp_transfer.models.speed.dropout import cheap_dropout, draw_kept, dropout, is_cheap, unpack_kept


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_scale_of_the_rest(p):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(1000, 1000), p)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)], rel=1e-4)
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.002)  # four standard deviations of p = 0.5
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.012)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(1)
    kept = (dropout(torch.ones(4_000_000), 0.5) > 0).float()
    for distance in (1, 2, 3, 4, 8, 1024):
        both = (kept[distance:] * kept[:-distance]).mean().item()
        assert both == pytest.approx(0.25, abs=0.001)


def test_the_gradient_goes_where_the_value_went():
    torch.manual_seed(0)
    states = torch.full((50, 40), 3.0, requires_grad=True)
    dropped = dropout(states, 0.25)
    dropped.sum().backward()
    assert torch.equal(states.grad, (dropped / 3.0).detach())


def test_bfloat16_and_odd_sizes():
    states = torch.ones(3, 5, 7, dtype=torch.bfloat16)
    assert dropout(states, 0.1).dtype == torch.bfloat16
    assert dropout(states, 0.1).shape == states.shape
    assert dropout(torch.ones(0, 4), 0.1).shape == (0, 4)


def test_pytorchs_seed_decides():
    def draw(seed):
        torch.manual_seed(seed)
        return dropout(torch.ones(100), 0.5), dropout(torch.ones(100), 0.5)

    first, second = draw(0)
    assert not torch.equal(first, second)
    assert torch.equal(first, draw(0)[0])
    assert torch.equal(second, draw(0)[1])
    assert not torch.equal(first, draw(1)[0])


def test_a_models_dropouts_are_replaced_inside_only():
    model = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5), nn.Dropout(0.0))
    states = torch.ones(8, 4)
    torch.manual_seed(0)
    plain = model(states)
    with cheap_dropout(model):
        torch.manual_seed(0)
        cheap = model(states)
        assert (model.eval()(states) != 0).all()
        model.train()
    torch.manual_seed(0)
    assert torch.equal(model(states), plain)
    assert not torch.equal(cheap, plain)
    assert "forward" not in vars(model[1])


def test_models_are_whole_again_after_an_error():
    model = nn.Sequential(nn.Dropout(0.5))
    with pytest.raises(RuntimeError, match="inside"), cheap_dropout(model):
        raise RuntimeError("inside")
    assert "forward" not in vars(model[0])


def test_pieces_and_threads_change_nothing_and_pieces_are_independent(monkeypatch):
    def draw(count, threads):
        torch.manual_seed(0)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        bits = draw_kept(count, 0.3)
        return unpack_kept(bits, torch.empty(count))

    monkeypatch.setattr(module, "PIECE", 8000)
    one = draw(60_001, 1)
    assert one.shape == (60_001,)
    assert torch.equal(one, draw(60_001, 3))
    assert torch.equal(one[:8000], draw(8000, 1))
    pieces = (one[:56_000].view(7, 8000).double() - 0.7) / 0.21**0.5
    assert (pieces @ pieces.T / 8000).fill_diagonal_(0).abs().max() < 5 / 8000**0.5  # in standard errors


def test_bfloat16_is_scaled_without_a_bias():
    """1 / (1 - p) rounded to bfloat16 would be 0.2 % too small for all that is kept."""
    torch.manual_seed(0)
    states = torch.linspace(1, 2, 10_000).bfloat16()
    dropped = dropout(states, 0.1).double()
    kept = dropped > 0
    assert (dropped[kept] / states[kept].double()).mean().item() == pytest.approx(1 / 0.9, rel=2e-4)


def test_modules_know_that_they_are_inside():
    model, other = nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 2)
    with cheap_dropout(model):
        assert is_cheap(model[0])
        assert not is_cheap(other)
        with cheap_dropout(model[0]):
            assert is_cheap(model[0])
        assert is_cheap(model[0])
    assert not is_cheap(model[0])
