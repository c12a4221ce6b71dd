"""The meta device: modules without values, and what they refuse."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn
from adjoint.func import functional_call, vmap


def layer() -> Any:
    return nn.Linear(2, 3).to("meta")


def test_shapes_and_dtypes_remain() -> None:
    module = copy.deepcopy(layer().double())
    assert [tuple(p.shape) for p in module.parameters()] == [(3, 2), (3,)]
    assert module.weight.dtype is torch.float64 and module.weight.requires_grad
    assert module.weight.is_meta and not module.weight.is_cpu
    assert module.weight.to("meta") is module.weight
    shown = (
        "tensor(..., device='meta', size=(3, 2), dtype=torch.float64,\n       requires_grad=True)"
    )
    assert repr(module.weight) == f"Parameter containing:\n{shown}"


def test_called_with_parameters_it_computes() -> None:
    given = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    assert torch.equal(functional_call(layer(), given, torch.ones(2)), torch.full((3,), 2.0))


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m(torch.ones(1, 2)),
        lambda m: vmap(m)(torch.ones(4, 2)),
        lambda m: m.weight + 1,
        lambda m: m.weight.tolist(),
        lambda m: m.weight.detach().bool().any(),
        lambda m: torch.zeros(3, 2).copy_(m.weight),
        lambda m: m.weight.to("cpu"),
        lambda m: m.to("cpu"),
        lambda m: m.cpu(),
        lambda m: 1 if m.bias.detach()[0] else 0,
    ],
)
def test_values_are_refused(use: Callable[[Any], Any]) -> None:
    module = layer()
    with pytest.raises(NotImplementedError, match=r"no data.*functional_call"):
        use(module)
    assert module.weight.is_meta
