"""Activation functions: values, subgradients at kinks, in-place forms, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch
from adjoint.api import activation as F

NAN, INF = math.nan, math.inf


def same(t: torch.Tensor, values: object, dtype: torch.dtype = torch.float32) -> None:
    assert t.dtype is dtype
    np.testing.assert_allclose(t.detach().numpy(), values, rtol=1e-6, atol=1e-7)


def gradient(f, *values: object) -> list[float]:
    """The gradient of sum(f(x)) at the first argument, in float64."""
    x = torch.tensor(values[0], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(f(x), x, torch.ones_like(x))
    return g.tolist()


class TestActivations:
    def test_inplace(self):
        x = torch.tensor([-1.0, 2.0])
        for f in (F.relu, F.leaky_relu, F.elu, F.silu, F.hardtanh, F.relu6):
            y = x.clone()
            assert f(y, inplace=True) is y
            same(y, f(x).numpy())

    def test_values(self):
        x = torch.tensor([-1.0, 0.0, 1.0])
        same(F.gelu(x), [-0.15865526, 0.0, 0.8413447])
        same(F.gelu(x, approximate="tanh"), [-0.15880799, 0.0, 0.84119201])
        same(F.selu(x), [-1.1113307, 0.0, 1.0507010])
        same(F.mish(x), [-0.3034015, 0.0, 0.8650984])
        same(F.softplus(torch.tensor([-800.0, 0.0, 800.0])), [0.0, math.log(2), 800.0])
        same(F.logsigmoid(torch.tensor([-800.0, 800.0])), [-800.0, 0.0])
        same(F.glu(torch.tensor([1.0, 2.0, 0.0, 0.0])), [0.5, 1.0])

    def test_prelu_by_channel(self):
        x = -torch.ones(2, 3, 2)
        w = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
        y = F.prelu(x, w)
        same(y[0, :, 0], [-0.1, -0.2, -0.3])
        y.sum().backward()
        assert w.grad.tolist() == [-4.0, -4.0, -4.0]
        with pytest.raises(RuntimeError, match="parameter numbers = 3 and channel size = 2"):
            F.prelu(torch.ones(4, 2), w)

    def test_errors(self):
        x = torch.ones(3)
        with pytest.raises(RuntimeError, match="Halving dimension must be even"):
            F.glu(x)
        with pytest.raises(ValueError, match="min_val cannot be greater"):
            F.hardtanh(x, 1.0, -1.0)
        with pytest.raises(RuntimeError, match="either none or tanh"):
            F.gelu(x, approximate="fast")
        with pytest.raises(RuntimeError, match="alpha cannot be 0"):
            F.celu(x, 0.0)
        with pytest.raises(RuntimeError, match="lambda must not be negative"):
            F.softshrink(x, -1.0)

    def test_rrelu(self):
        x = torch.tensor([-1.0, 2.0, -3.0, -4.0])
        same(F.rrelu(x, 0.1, 0.3), [-0.2, 2.0, -0.6, -0.8])
        torch.manual_seed(0)
        same(F.rrelu(x, training=True), [-0.32709438, 2.0, -0.81738746, -0.88281912])

    def test_subgradients_are_torchs(self):
        assert gradient(F.relu6, [0.0, 6.0]) == [0.0, 0.0]
        assert gradient(F.hardtanh, [-1.0, 1.0]) == [0.0, 0.0]
        assert gradient(F.hardsigmoid, [-3.0, 3.0]) == [0.0, 0.0]
        assert gradient(F.hardswish, [-3.0, 3.0]) == [0.0, 1.0]
        assert gradient(F.leaky_relu, [0.0]) == [0.01]
        assert gradient(F.elu, [0.0]) == [1.0]
        assert gradient(F.hardshrink, [0.5, 0.6]) == [0.0, 1.0]
        assert gradient(F.softshrink, [0.5, 0.6]) == [0.0, 1.0]
        assert gradient(lambda x: F.threshold(x, 0.5, 7.0), [0.5, 0.6]) == [0.0, 1.0]
