"""autograd.functional with vectorize=True, one pass or run for all; and inside of transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.golden.functional_api_program import FORWARD, OUTER_FORWARD

import adjoint as torch
from adjoint.autograd import functional

REVERSE = {"vectorize": True}
X = torch.tensor([0.3, -1.2, 0.7], dtype=torch.float64)


def mixed(x: Any) -> Any:
    return x.sin() * x.sum()


def scalar(x: Any) -> Any:
    return (x.tanh() * x.sum()).exp().sum()


def test_all_rows_are_one_backward_pass() -> None:
    seen = []

    def func(x: Any) -> Any:
        y = x * 2
        y.register_hook(lambda ct: seen.append(tuple(ct.shape)))
        return y.cos()

    found = functional.jacobian(func, X, **REVERSE)
    assert seen == [(3,)]  # one example, as a hook inside vmap sees it
    torch.testing.assert_close(found, torch.diag(-2 * (2 * X).sin()))


@pytest.mark.parametrize("options", [REVERSE, FORWARD])
def test_the_function_runs_once(options: dict[str, Any]) -> None:
    calls = []
    functional.jacobian(lambda x: calls.append(1) or mixed(x), X, **options)
    outer = OUTER_FORWARD if options is FORWARD else REVERSE
    functional.hessian(lambda x: calls.append(1) or scalar(x), X, **outer)
    assert calls == [1, 1]


def test_forward_mode_calls_jvp_rules() -> None:
    class Cube(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx: Any, x_t: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * x_t

    found = functional.jacobian(Cube.apply, X, **FORWARD)
    torch.testing.assert_close(found, torch.diag(3 * X**2))


def test_forward_mode_needs_a_jvp_rule() -> None:
    class Plain(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    with pytest.raises(RuntimeError, match="You must implement the jvp function"):
        functional.jacobian(Plain.apply, X, **FORWARD)


def test_random_numbers_are_the_same_for_all_columns() -> None:
    ones = torch.ones(64)
    found = functional.jacobian(lambda x: torch.dropout(x, 0.5, True), ones, **FORWARD)
    assert set(found.diagonal().tolist()) == {0.0, 2.0}
    assert found.count_nonzero().item() == found.diagonal().count_nonzero().item()


def test_results_depend_on_what_the_function_captured() -> None:
    weight = X.clone().requires_grad_()
    found = functional.jacobian(lambda x: x.exp() * weight, X, **FORWARD)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), weight)[0], X.exp())
    found = functional.hessian(lambda x: (x.exp() * weight).sum(), X, **OUTER_FORWARD)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), weight)[0], X.exp())
    with torch.no_grad():
        for options in (REVERSE, FORWARD):
            assert not functional.jacobian(lambda x: x * weight, X, **options).requires_grad
    assert not functional.jacobian(lambda x: x * weight, X, **REVERSE).requires_grad


@pytest.mark.parametrize("outer", [REVERSE, OUTER_FORWARD])
def test_hessians_of_several_inputs(outer: dict[str, Any]) -> None:
    def func(x: Any, w: Any) -> Any:
        return (w @ x.tanh()).square().sum() + x.prod()

    w = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)
    found = functional.hessian(func, (X, w), **outer)
    expected = functional.hessian(func, (X, w))
    for row, known in zip(found, expected, strict=True):
        for block, value in zip(row, known, strict=True):
            torch.testing.assert_close(block, value)


PRODUCTS: dict[str, Callable[[Any], Any]] = {
    "vjp": lambda x: functional.vjp(scalar, x)[1],
    "jvp": lambda x: functional.jvp(mixed, x, x)[1],
    "vhp": lambda x: functional.vhp(scalar, x, x)[1],
    "hvp": lambda x: functional.hvp(scalar, x, x)[1],
    "jacobian": lambda x: functional.jacobian(mixed, x),
    "jacobian, vectorized": lambda x: functional.jacobian(mixed, x, **REVERSE),
    "jacobian, forward": lambda x: functional.jacobian(mixed, x, **FORWARD),
    "hessian": lambda x: functional.hessian(scalar, x),
    "hessian, vectorized": lambda x: functional.hessian(scalar, x, **REVERSE),
    "hessian, forward": lambda x: functional.hessian(scalar, x, **OUTER_FORWARD),
}


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_inside_of_vmap(name: str) -> None:
    batch = torch.stack([X, X * 2, -X])
    found = torch.vmap(PRODUCTS[name])(batch)
    torch.testing.assert_close(found, torch.stack([PRODUCTS[name](x) for x in batch]))


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_inside_of_forward_mode(name: str) -> None:
    step = 1e-6 * torch.ones_like(X)
    _, moved = torch.func.jvp(PRODUCTS[name], (X,), (torch.ones_like(X),))
    slope = (PRODUCTS[name](X + step) - PRODUCTS[name](X - step)) / 2e-6
    torch.testing.assert_close(moved, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", [REVERSE, FORWARD])
def test_without_elements(options: dict[str, Any]) -> None:
    empty = torch.ones(0)
    assert functional.jacobian(torch.sin, empty, **options).shape == (0, 0)
    assert functional.jacobian(lambda x: x.sum(), empty, **options).shape == (0,)


@pytest.mark.parametrize("options", [REVERSE, FORWARD])
def test_control_flow_on_values_of_the_inputs(options: dict[str, Any]) -> None:
    found = functional.jacobian(lambda x: x * 2 if x.sum() > 0 else -x, X, **options)
    assert torch.equal(found, -torch.eye(3, dtype=torch.float64))
