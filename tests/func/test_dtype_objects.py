"""Inside a transform data have a dtype object of their own; outside of it nothing may keep that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint.api import promotion
from adjoint.arrays import dtypes, elementwise
from adjoint.autograd import derivatives
from adjoint.func import grad, hessian, jacrev, jet, jvp, vmap

ONES = [derivatives._ones, elementwise._ones]
X = torch.rand(2, 3)


def f(x: Any) -> Any:
    return ((x * 3 + 0.5).tanh() ** 2).sum() / 7


def writes(x: Any) -> Any:
    y = torch.ones(3)
    y.mul_(x * 2)
    return (y * x).sum()


def functional(x: Any) -> Any:
    return torch.autograd.functional.hessian(f, x)


@pytest.mark.parametrize(
    "run",
    [
        lambda: grad(f)(X[0]),
        lambda: vmap(grad(f))(X),
        lambda: vmap(jacrev(torch.tanh))(X),
        lambda: vmap(functional)(X),
        lambda: hessian(f)(X[0]),
        lambda: jvp(grad(f), (X[0],), (X[1],)),
        lambda: grad(lambda x: jvp(writes, (x,), (x,))[1])(X[0]),
        lambda: jet(f, (X[0],), ([X[1], X[0]],)),
        lambda: vmap(lambda x: torch.autograd.grad(f(x.requires_grad_()), x)[0])(X),
    ],
)
def test_results_and_caches_have_numpys_own_dtype_objects(run: Callable[[], Any]) -> None:
    for cache in (*ONES, *promotion._constants.values()):
        cache.clear()  # they are filled again when asked
    for result in leaves(run()):
        assert result._data.dtype is result.dtype.numpy
    for table in promotion._constants.values():
        for number in table.values():
            assert number._data.dtype is number.dtype.numpy
    for ones in ONES:
        for one in ones.values():
            assert one.dtype is dtypes.FROM_NUMPY[one.dtype].numpy


def leaves(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for v in value for leaf in leaves(v)]
    return [value]
