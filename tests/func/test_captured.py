"""What `grad` and `vjp` differentiate may not be written into what they did not make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.laws.samples import OPERATIONS

import adjoint as torch
from adjoint.autograd.tensor import wrap
from adjoint.func import grad, grad_and_value, jacrev, jvp, linearize, vjp, vmap
from adjoint.ops.operation import REGISTRY
from adjoint.testing import sampling

A = torch.tensor([1.0, 2.0, 3.0])
Write = Callable[[Any, Any], Any]

TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: grad(lambda y: f(y).sum())(A),
    "grad_and_value": lambda f: grad_and_value(lambda y: f(y).sum())(A),
    "vjp": lambda f: vjp(f, A),
    "jacrev": lambda f: jacrev(f)(A),
    "linearize": lambda f: linearize(f, A),
    "grad of grad": lambda f: grad(lambda z: grad(lambda y: f(y).sum())(z).sum())(A),
    "grad of vmap": lambda f: grad(lambda y: vmap(lambda _: f(y))(A).sum())(A),
    "jvp of grad": lambda f: jvp(grad(lambda y: f(y).sum()), (A,), (A,)),
    "grad of jvp": lambda f: grad(lambda y: jvp(f, (y,), (y,))[1].sum())(A),
}
WRITES: dict[str, Write] = {
    "copy_": lambda x, y: x.copy_(y),
    "add_": lambda x, y: x.add_(y),
    "an element": lambda x, y: x.__setitem__(0, y[1]),
    "all": lambda x, y: x.__setitem__(slice(None), y),
    "a mask": lambda x, y: x.__setitem__(x == 1, y[0]),
    "a view": lambda x, y: x[:2].mul_(y[1:]),
    "a reshaped view": lambda x, y: x.view(3, 1).mul_(y[0]),
    "detached": lambda x, y: x.detach().mul_(y),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("write", WRITES)
def test_a_captured_tensor_is_not_written(write: str, transform: str) -> None:
    x = torch.ones(3)

    def function(y: Any) -> Any:
        WRITES[write](x, y * 2)
        return x * y

    with pytest.raises(RuntimeError, match=r"would mutate a captured Tensor.*made before"):
        TRANSFORMS[transform](function)
    assert x.tolist() == [1, 1, 1]
    assert not x.requires_grad and x.is_leaf and x._version == 0


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("write", WRITES)
def test_a_tensor_made_inside_is_written(write: str, transform: str) -> None:
    for make in (torch.ones, lambda n: torch.zeros(n).neg().exp(), lambda n: A[:n] * 0 + 1):

        def function(y: Any, make: Any = make) -> Any:
            x = make(3)
            if "view" in write and "jvp" in transform:
                x = y * 0 + x  # through a view only what moves already can start to move
            WRITES[write](x, y * 2)
            return x * y

        TRANSFORMS[transform](function)


def test_a_tensor_of_the_outer_transform_is_captured_by_the_inner() -> None:
    def outer(y: Any) -> Any:
        x = torch.zeros(3)
        with pytest.raises(RuntimeError, match="captured"):
            grad(lambda z: x.copy_(z).sum())(y)
        x.copy_(y)  # and this one made it
        return (x * x).sum()

    assert grad(outer)(A).tolist() == [2, 4, 6]


def test_tracked_tensors_keep_their_history() -> None:
    w = torch.ones(3, requires_grad=True) * 2
    node = w.grad_fn
    with pytest.raises(RuntimeError, match="captured"):
        grad(lambda y: w.mul_(y).sum())(A)
    assert w.grad_fn is node and w.tolist() == [2, 2, 2]


def test_a_custom_function_does_not_record_its_write() -> None:
    class Write(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.mark_dirty(x)
            return x.copy_(y)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return None, g

    x = torch.zeros(3)
    with pytest.raises(RuntimeError, match="captured"):
        grad(lambda y: Write.apply(x, y).sum())(A)
    assert x.is_leaf and not x.requires_grad


def test_values_without_history_are_written() -> None:
    count, seen = torch.zeros(()), torch.zeros(3)

    def function(y: Any) -> Any:
        count.add_(1)
        with torch.no_grad():
            seen.copy_(y)
        return (y * y).sum()

    assert grad(function)(A).tolist() == [2, 4, 6]
    assert count.item() == 1 and seen.tolist() == [1, 2, 3] and not seen.requires_grad


def test_writing_after_the_transform() -> None:
    x = torch.zeros(3)
    _, pull = vjp(lambda y: y * 2, A)
    w = torch.ones(3, requires_grad=True)
    x.copy_(w)
    assert x.requires_grad and pull(A)[0].tolist() == [2, 4, 6]


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_know_that_they_were_made_inside(name: str) -> None:
    """Of every operation, without a history: a write of something that moves is recorded."""
    operation = REGISTRY[name]
    sample = next(iter(operation.samples()))

    def function(y: Any) -> Any:
        inputs = [wrap(v) for v in sampling.arrays(sample)]
        with np.errstate(all="ignore"):
            found = operation(*inputs, **sample.params)
        moved = y * 0
        for out in found if operation.several else (found,):
            if out.is_floating_point() and out._data.flags.writeable and out.numel():
                moved = moved + out.detach().clone().copy_(y).sum() * 0
                if all(out.stride()) and not out._is_view():
                    moved = moved + out.copy_(y).sum()
        return moved

    grad(function)(torch.tensor(2.0))
