"""Functions that write in place, under every mix of modes: as their forms without writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint.func import grad, hessian, jacfwd, jacrev, jvp, vmap

F = Callable[[Any], Any]
X = torch.tensor([0.4, -1.2, 0.9, 1.7], dtype=torch.float64)
BATCH = torch.stack([X, 0.5 - X, X * X])


def element(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[0] = x[0]
    return y * x


def everything(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[:] = x
    return y * x * x


def copied(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[0].copy_(x[0])
    return y * x


def accumulated(x: Any) -> Any:
    y = x * 0
    y[1:] += x[:-1] ** 2
    return y * x


def written_twice(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[1:] = x[:-1] ** 2
    y[0] = x[1] * x[0]
    y *= x
    return y * x


def fresh(x: Any) -> Any:
    y = x.new_zeros(4)
    y[0] = x[0] * x[1]
    y[1] = y[0].clone() * x[2]
    y.mul_(2)
    return y


def transposed(x: Any) -> Any:
    y = x.new_zeros(2, 2)
    y.T[0] = x[:2] ** 2
    y[1].mul_(3)
    return (y * y).sum(0)


WRITTEN: dict[F, F] = {
    element: lambda x: torch.cat([x[:1] ** 2, x[1:] * 0]),
    everything: lambda x: x**3,
    copied: lambda x: torch.cat([x[:1] ** 2, x[1:] * 0]),
    accumulated: lambda x: torch.cat([x[:1] * 0, x[:-1] ** 2 * x[1:]]),
    written_twice: lambda x: torch.cat([x[:1] ** 3 * x[1:2], x[:-1] ** 2 * x[1:] ** 2]),
    fresh: lambda x: 2 * torch.stack([x[0] * x[1], x[0] * x[1] * x[2], x[0] * 0, x[0] * 0]),
    transposed: lambda x: torch.stack([x[0] ** 4 + 9 * x[1] ** 4, x[0] * 0]),
}


def total(f: F) -> F:
    return lambda x: f(x).sum()


MODES: dict[str, Callable[[F], Any]] = {
    "jacrev": lambda f: jacrev(f)(X),
    "jacfwd": lambda f: jacfwd(f)(X),
    "forward over reverse": lambda f: hessian(total(f))(X),
    "reverse over reverse": lambda f: jacrev(jacrev(total(f)))(X),
    "reverse over forward": lambda f: jacrev(jacfwd(total(f)))(X),
    "forward over forward": lambda f: jacfwd(jacfwd(total(f)))(X),
    "jacfwd of jvp": lambda f: jacfwd(lambda x: jvp(f, (x,), (x,))[1])(X),
    "jvp of grad": lambda f: jvp(grad(total(f)), (X,), (X * 2,))[1],
    "vmap of grad": lambda f: vmap(grad(total(f)))(BATCH),
    "vmap of jacfwd": lambda f: vmap(jacfwd(f))(BATCH),
    "vmap of hessian": lambda f: vmap(hessian(total(f)))(BATCH),
    "hessian of vmap": lambda f: hessian(lambda b: vmap(f)(b).sum())(BATCH),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", WRITTEN, ids=lambda f: f.__name__)
def test_writing_changes_nothing(function: F, mode: str) -> None:
    got, want = MODES[mode](function), MODES[mode](WRITTEN[function])
    assert not got.requires_grad
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("mode", [m for m in MODES if "vmap" not in m])
@pytest.mark.parametrize("part", [lambda y: y, lambda y: y[:], lambda y: y.view(-1, 1)])
def test_what_was_made_inside_may_begin_to_move(part: F, mode: str) -> None:
    def function(x: Any) -> Any:
        y = torch.ones(x.shape[0], dtype=x.dtype)
        part(y).mul_(x[0] * 2)
        return y * x

    got, want = MODES[mode](function), MODES[mode](lambda x: 2 * x[0] * x)
    torch.testing.assert_close(got, want)


def test_a_view_made_before_its_base_moves_follows_or_is_refused() -> None:
    def used(x: Any) -> Any:
        y = x.new_zeros(4)
        row = y[:2]
        y[:] = x
        return row * 2

    with pytest.raises(RuntimeError, match=r"was made before its base was written.*view again"):
        jvp(used, (X,), (X,))

    def written(x: Any) -> Any:
        y = x.new_zeros(4)
        row = y[:2]
        y[:] = x
        row.mul_(x[:2])
        return y

    want = jvp(lambda x: torch.cat([x[:2] ** 2, x[2:]]), (X,), (X,))
    torch.testing.assert_close(jvp(written, (X,), (X,)), want)
