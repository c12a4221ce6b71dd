"""Taylor mode: values of high order against series that are known, and what it costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import comb, factorial
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.func import grad, jet, jvp, vmap

ORDER = 12
F = Callable[[Any], Any]


def derivatives(f: F, at: float, order: int = ORDER) -> list[float]:
    x = torch.tensor(at, dtype=torch.float64)
    line = [torch.ones_like(x), *[torch.zeros_like(x)] * (order - 1)]
    value, found = jet(f, (x,), (line,))
    return [value.item(), *[d.item() for d in found]]


def coefficients(f: F, at: float, order: int = ORDER) -> list[float]:
    return [d / factorial(k) for k, d in enumerate(derivatives(f, at, order))]


# Maclaurin series: DLMF 4.2, 4.6, 4.19, 4.24, 4.33, 7.6.
TANGENT_NUMBERS = [1, 2, 16, 272, 7936, 353792]
KNOWN: dict[str, tuple[F, Callable[[int], float]]] = {
    "exp": (torch.exp, lambda k: 1 / factorial(k)),
    "sin": (torch.sin, lambda k: (0, 1, 0, -1)[k % 4] / factorial(k)),
    "1 / (1 - x)": (lambda x: 1 / (1 - x), lambda k: 1.0),
    "x / (1 - x)^2": (lambda x: x / (1 - x) ** 2, float),
    "log(1 + x)": (torch.log1p, lambda k: (-1) ** (k + 1) / k if k else 0),
    "tan": (torch.tan, lambda k: TANGENT_NUMBERS[k // 2] / factorial(k) if k % 2 else 0),
    "tanh": (
        torch.tanh,
        lambda k: (-1) ** (k // 2) * TANGENT_NUMBERS[k // 2] / factorial(k) if k % 2 else 0,
    ),
    "atan": (torch.atan, lambda k: (-1) ** (k // 2) / k if k % 2 else 0),
    "(1 + x)^1.5": (
        lambda x: (1 + x) ** 1.5,
        lambda k: float(np.prod([(1.5 - i) / (i + 1) for i in range(k)])),
    ),
    "erf": (
        torch.erf,
        lambda k: 2 / np.sqrt(np.pi) * (-1) ** (k // 2) / factorial(k // 2) / k if k % 2 else 0,
    ),
    "(1 + x)^7": (lambda x: (1 + x) ** 7, lambda k: comb(7, k)),
    "a matrix product": (
        lambda x: torch.stack([x.exp(), x.sin()]) @ torch.stack([x.cos(), x.exp()]),
        lambda k: (((1 + 1j) ** k).real + ((1 + 1j) ** k).imag) / factorial(k),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_series(name: str) -> None:
    f, coefficient = KNOWN[name]
    want = [coefficient(k) for k in range(ORDER + 1)]
    np.testing.assert_allclose(coefficients(f, 0.0), want, rtol=1e-10, atol=1e-13)


FUNCTIONS: dict[str, F] = {
    "quotients": lambda x: torch.sin(x) * torch.exp(x) / (1 + x * x) / (2 + x.cos()),
    "powers": lambda x: (1 + x.square()) ** 0.3 + x.abs().sqrt() * (2 + x) ** -2.5,
    "softmax": lambda x: torch.stack([x, x * x, x.sin()]).softmax(0).square().sum(),
    "logsumexp": lambda x: torch.stack([x, 2 * x, x.exp()]).logsumexp(0),
    "inverse": lambda x: torch.linalg.inv(
        torch.stack([torch.stack([2 + x, x.sin()]), torch.stack([x * x, 3 + x.exp()])])
    ).sum(),
    "lgamma": lambda x: torch.lgamma(1.5 + x) * torch.sigmoid(x),
    "branches": lambda x: torch.where(x > 0, x.tanh(), x) + torch.nn.functional.gelu(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_orders_by_nesting(name: str) -> None:
    f, order = FUNCTIONS[name], 5
    nested, want = f, [f(torch.tensor(0.4, dtype=torch.float64)).item()]
    for _ in range(order):
        nested = grad(nested)
        want.append(nested(torch.tensor(0.4, dtype=torch.float64)).item())
    np.testing.assert_allclose(derivatives(f, 0.4, order), want, rtol=1e-9)


def test_recorded_and_batched_coefficients_are_the_plain_ones() -> None:
    """Where something is recorded below, products are summed term by term."""

    def fourth(x: Any) -> Any:
        line = [torch.ones_like(x), *[torch.zeros_like(x)] * 3]
        return jet(FUNCTIONS["quotients"], (x,), (line,))[1][3]

    points = torch.linspace(0.1, 0.9, 5, dtype=torch.float64)
    want = [derivatives(FUNCTIONS["quotients"], p, 6) for p in points.tolist()]
    torch.testing.assert_close(vmap(fourth)(points).tolist(), [w[4] for w in want])
    torch.testing.assert_close(vmap(grad(fourth))(points).tolist(), [w[5] for w in want])
    pushed = jvp(grad(fourth), (points[0],), (torch.ones((), dtype=torch.float64),))[1]
    torch.testing.assert_close(pushed.item(), want[0][6])


def calls(f: F, x: Any, order: int) -> int:
    """Python and C calls of a jet: a cost that no other process disturbs."""
    line = [torch.ones_like(x), *[torch.zeros_like(x)] * (order - 1)]
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    jet(f, (x,), (line,))  # plans and caches
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        jet(f, (x,), (line,))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "f",
    [
        FUNCTIONS["quotients"],
        FUNCTIONS["softmax"],
        lambda x: torch.tanh(torch.ones(3, 1, dtype=x.dtype) @ x.reshape(1, 1)).sin().sum(),
    ],
)
def test_the_cost_is_linear_in_the_order(f: F) -> None:
    x = torch.tensor(0.3, dtype=torch.float64)
    few, more, most = (calls(f, x, order) for order in (8, 16, 32))
    assert most - more < 2.2 * (more - few)  # linear: 2, quadratic: 4
