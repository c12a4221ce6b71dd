"""Piecewise linear functions: the second derivative is 0, not missing. Gradient penalties work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as torch
import adjoint.nn.functional as F

X = np.array([[-1.3, 0.4, 2.1], [0.7, -0.2, 1.1]])
LINEAR_IN_PIECES: dict[str, Callable[[Any], Any]] = {
    "relu": torch.relu,
    "relu_": lambda x: (x * 1).relu_(),
    "leaky_relu": F.leaky_relu,
    "prelu": lambda x: F.prelu(x, torch.tensor([0.2], dtype=torch.float64)),
    "relu6": F.relu6,
    "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 2.0),
    "abs": torch.abs,
    "pow 1": lambda x: x**1,
}


@pytest.mark.parametrize("name", LINEAR_IN_PIECES)
def test_the_second_derivative_is_zero(name: str) -> None:
    x = torch.tensor(X, requires_grad=True)
    (first,) = torch.autograd.grad(LINEAR_IN_PIECES[name](x).sum(), x, create_graph=True)
    assert first.requires_grad
    (second,) = torch.autograd.grad(first.sum(), x)
    np.testing.assert_array_equal(second.numpy(), np.zeros_like(X))


def test_infinite_cotangents_stay_out_of_the_second_derivative() -> None:
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad(
        torch.relu(x), x, torch.tensor([float("inf"), 1.0]), create_graph=True
    )
    (second,) = torch.autograd.grad(first.sum(), x)
    np.testing.assert_array_equal(second.numpy(), [0, 0])


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "abs": torch.abs,
    "clamp": lambda x: x.clamp(-1, 1),
    "elu": F.elu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradient_penalty_of_a_critic(name: str) -> None:
    """Gulrajani et al. 2017: (|grad| - 1)^2 of a network with pooling, against differences."""
    rng = np.random.default_rng(0)
    shapes = ((4, 1, 3, 3), (4,), (5, 36), (5,), (1, 5))
    weights = [0.5 * rng.standard_normal(shape) for shape in shapes]
    images = rng.standard_normal((2, 1, 8, 8))
    act = ACTIVATIONS[name]

    def penalty(values: list[Any]) -> tuple[Any, list[Any]]:
        w = [torch.tensor(v, requires_grad=True) for v in values]
        x = torch.tensor(images, requires_grad=True)
        hidden = F.max_pool2d(act(F.conv2d(x, w[0], w[1])), 2).flatten(1)
        scores = F.linear(act(F.linear(hidden, w[2], w[3])), w[4])
        (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean(), w

    loss, made = penalty(weights)
    loss.backward()
    for place in (0, 2, 4):
        direction = rng.standard_normal(shapes[place])
        ends = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[place] = moved[place] + sign * 1e-6 * direction
            ends.append(penalty(moved)[0].item())
        found = (made[place].grad.numpy() * direction).sum()
        np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-7)
    if name == "relu":  # the bias shifts no slope: its gradient is 0, as torch has it, not None
        np.testing.assert_array_equal(made[1].grad.numpy(), np.zeros(4))
