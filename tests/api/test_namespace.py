"""The Tensor namespace (`Tensor.__array_namespace__()`) is recorded like everything else."""

from __future__ import annotations

import pytest

import adjoint as torch


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1])
@pytest.mark.parametrize("name", ["concat", "stack"])
def test_joining_along_an_axis_from_the_end(name: str, axis: int) -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    if axis == -3 and name == "concat":
        axis = -2
    found = getattr(x.__array_namespace__(), name)([x, 2 * x], axis=axis)
    expected = (torch.cat if name == "concat" else torch.stack)([x, 2 * x], dim=axis)
    assert torch.equal(found, expected)
    weights = torch.arange(12.0).reshape(found.shape)
    gradients = [torch.autograd.grad((weights * y).sum(), x)[0] for y in (found, expected)]
    assert torch.equal(*gradients)
