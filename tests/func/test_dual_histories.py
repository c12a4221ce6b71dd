"""Which tangents of a dual level require grad: as recorded from torch 2.13."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
import adjoint.autograd.forward_ad as fwAD
from adjoint.nn import functional as F

# (function of a dual d and a plain x; whether the tangent requires grad where the primal of d
# does, and where x does): products with the zero tangent of what does not move count.
CASES: dict[str, tuple[Callable[[Any, Any], Any], bool, bool]] = {
    "mul": (lambda d, x: d * x, True, True),
    "mul from the right": (lambda d, x: x * d, True, True),
    "mul by a number": (lambda d, x: d * 2, True, False),
    "add": (lambda d, x: d + x, False, False),
    "mm": (lambda d, x: x @ d, True, True),
    "square": (lambda d, x: d * d, True, False),
    "sin": (lambda d, x: d.sin(), True, False),
    "linear": (lambda d, x: F.linear(x, d), True, True),
    "linear with bias": (lambda d, x: F.linear(x, d, d[0]), True, True),
    "sum": (lambda d, x: d.sum(), False, False),
    "t": (lambda d, x: d.t(), False, False),
    "addmm": (lambda d, x: torch.addmm(d, x, x), False, True),
    "addmm of it": (lambda d, x: torch.addmm(x, x, d), True, True),
    "div": (lambda d, x: d / x, True, True),
    "div by it": (lambda d, x: x / d, True, True),
    "cat": (lambda d, x: torch.cat([d, x]), False, False),
    "conv1d": (lambda d, x: F.conv1d(x[None], d[None].mT), True, True),
}


@pytest.mark.parametrize("case", CASES)
def test_which_tangents_require_grad(case: str) -> None:
    function, with_primal, with_plain = CASES[case]
    for primal, plain, want in ((0, 0, False), (1, 0, with_primal), (0, 1, with_plain)):
        p = torch.rand(3, 3, requires_grad=bool(primal))
        x = torch.rand(3, 3, requires_grad=bool(plain))
        with fwAD.dual_level():
            out = function(fwAD.make_dual(p, torch.rand(3, 3)), x)
            assert fwAD.unpack_dual(out).tangent.requires_grad is want


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_gradient_of_such_a_tangent_is_zero(create_graph: bool) -> None:
    weight, bias = torch.rand(2, 3, requires_grad=True), torch.rand(2, requires_grad=True)
    x = torch.rand(4, 3, requires_grad=True)
    with fwAD.dual_level():
        out = F.linear(x, fwAD.make_dual(weight, torch.ones(2, 3)), bias)
        tangent = fwAD.unpack_dual(out).tangent
        gw, gx = torch.autograd.grad(tangent.sum(), [weight, x], create_graph=create_graph)
    assert torch.equal(gw, torch.zeros(2, 3)) and torch.equal(gx, torch.full((4, 3), 2.0))
