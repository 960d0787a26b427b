import pytest
import torch
from torch import nn

from nlp_transfer.models.speed import fast_linear as module
from nlp_transfer.models.speed.fast_linear import fast_linear


@pytest.fixture
def counted(monkeypatch):
    """How many products oneDNN computed."""
    products, product = [], module._product

    def count(*args):
        products.append(args)
        return product(*args)

    monkeypatch.setattr(module, "_product", count)
    return products


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(700, 64), (7, 100, 64)])
def test_products_and_gradients_are_those_of_float64(counted, shape, bias):
    torch.manual_seed(0)
    layer, states = nn.Linear(64, 96, bias=bias), torch.randn(shape, requires_grad=True)
    leaves = [states, *layer.parameters()]
    direction = torch.randn(*shape[:-1], 96)
    doubled = [leaf.detach().double().requires_grad_() for leaf in leaves]
    expected = nn.functional.linear(*doubled)
    wanted = torch.autograd.grad((expected * direction).sum(), doubled)
    with fast_linear(layer):
        found = layer(states)
        got = torch.autograd.grad((found * direction).sum(), leaves)
    assert len(counted) == 3
    assert found.shape == expected.shape
    for one, other in [(found, expected), *zip(got, wanted, strict=True)]:
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5 * other.abs().max().item())


def test_a_frozen_layer_passes_the_gradient_on(counted):
    layer, states = nn.Linear(64, 96).requires_grad_(False), torch.randn(700, 64, requires_grad=True)
    with fast_linear(layer):
        layer(states).sum().backward()
    assert len(counted) == 2
    torch.testing.assert_close(states.grad, layer.weight.sum(0).expand(700, -1), rtol=1e-5, atol=1e-5)


def test_small_coarse_and_fine_products_stay_pytorchs(counted):
    layer, states = nn.Linear(64, 96), torch.randn(700, 64)
    with fast_linear(layer), fast_linear(narrow := nn.Linear(64, 2)):
        layer(states[:8])
        narrow(torch.randn(9000, 64))
        layer.double()(states.double())
        layer.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(states).dtype == torch.bfloat16
        assert counted == []
        layer(states)
    assert len(counted) == 1
    layer(states)
    assert len(counted) == 1
    assert "forward" not in vars(layer)


def test_layers_are_whole_again_after_an_error():
    layer = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="inside"), fast_linear(layer):
        raise RuntimeError("inside")
    assert "forward" not in vars(layer[0])
