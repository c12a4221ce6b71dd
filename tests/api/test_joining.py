"""Joining: promotion, empty tensors, dims, and shapes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as torch


def test_cat_promotes_and_takes_empty_tensors_for_nothing() -> None:
    joined = torch.cat([torch.tensor([1]), torch.tensor([2.5]), torch.tensor([])])
    assert joined.dtype is torch.float32
    assert joined.tolist() == [1.0, 2.5]
    assert torch.cat([torch.tensor([]), torch.zeros(2, 3)], 1).shape == (2, 3)
    assert torch.cat([torch.zeros(0), torch.zeros(0)]).shape == (0,)
    assert torch.cat((torch.zeros(1, 2), torch.zeros(3, 2)), axis=0).shape == (4, 2)


def test_stack_makes_a_dimension() -> None:
    a, b = torch.tensor([1, 2]), torch.tensor([3, 4])
    assert torch.stack((a, b), dim=-1).tolist() == [[1, 3], [2, 4]]
    assert torch.hstack((a, b)).tolist() == [1, 2, 3, 4]
    assert torch.vstack((a, b)).tolist() == torch.row_stack((a, b)).tolist() == [[1, 2], [3, 4]]
    assert torch.column_stack((a, b)).tolist() == torch.dstack((a, b))[0].tolist()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: torch.cat([]), ValueError, "non-empty list"),
        (lambda: torch.stack([]), RuntimeError, "non-empty"),
        (lambda: torch.cat([torch.zeros(2), torch.zeros(2, 1)]), RuntimeError, "got 1 and 2"),
        (
            lambda: torch.cat([torch.zeros(2, 3), torch.zeros(2, 4)]),
            RuntimeError,
            "Expected size 3 but got size 4 for tensor number 1 in the list",
        ),
        (lambda: torch.cat([torch.tensor(1.0)]), RuntimeError, "zero-dimensional"),
        (lambda: torch.cat([torch.zeros(2)], 1), IndexError, "Dimension out of range"),
        (lambda: torch.cat([torch.zeros(2), 3]), TypeError, "element 1"),
        (lambda: torch.cat(torch.zeros(2)), TypeError, "tuple of Tensors"),
        (
            lambda: torch.stack([torch.zeros(2), torch.zeros(3)]),
            RuntimeError,
            "got [2] at entry 0 and [3] at entry 1",
        ),
        (lambda: torch.block_diag(torch.zeros(1, 1, 1)), RuntimeError, "2 or fewer dimensions"),
        (lambda: torch.broadcast_shapes((2,), (3,)), RuntimeError, "length 3 at -1"),
        (
            lambda: torch.broadcast_tensors(torch.zeros(2), torch.zeros(3)),
            RuntimeError,
            "The size of tensor a (2) must match the size of tensor b (3)",
        ),
    ],
)
def test_what_cannot_be_joined(call, kind, message) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert message in str(caught.value)


def test_gradients_return_to_their_parts() -> None:
    a = torch.zeros(2, 1, requires_grad=True)
    b = torch.zeros(2, 2, requires_grad=True)
    c = torch.zeros(2, 1)
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    (torch.cat((a, c, b), 1) * weights).sum().backward()
    assert a.grad.tolist() == [[1.0], [5.0]]
    assert b.grad.tolist() == [[3.0, 4.0], [7.0, 8.0]]


def test_at_least_some_dimensions() -> None:
    x = torch.tensor([1.0, 2.0])
    assert torch.atleast_1d(torch.tensor(1.0)).shape == (1,)
    assert torch.atleast_2d(x).shape == (1, 2)
    assert [t.shape for t in torch.atleast_3d(x, x[None])] == [(1, 2, 1), (1, 2, 1)]
    assert np.shares_memory(torch.atleast_3d(x).numpy(), x.numpy())


def test_broadcasting_is_a_view() -> None:
    x = torch.tensor([[1.0], [2.0]])
    a, b = torch.broadcast_tensors(x, torch.zeros(3))
    assert a.tolist() == [[1.0] * 3, [2.0] * 3]
    assert a.stride() == (1, 0)
    assert b.shape == (2, 3)
    assert torch.broadcast_shapes((2, 1), (3,), 1) == (2, 3)


def test_block_diagonal() -> None:
    joined = torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3), torch.tensor([4, 5]))
    assert joined.tolist() == [[1, 2, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 4, 5]]


@pytest.mark.parametrize(
    ("call", "last"),
    [
        (lambda xp, a, b, axis: xp.concat([a, b], axis=axis), 1),
        (lambda xp, a, b, axis: xp.stack([a, b], axis=axis), 2),
        (lambda xp, a, b, axis: xp.roll(a, 1, axis=axis), 1),
        (lambda xp, a, b, axis: xp.diagonal(a, 0, axis1=axis, axis2=0), 1),
        (lambda xp, a, b, axis: xp.unfold(a, axis, 2, 1), 1),
    ],
)
def test_namespace_counts_axes_from_the_end(call: Any, last: int) -> None:
    a, b = (torch.randn(3, 3, requires_grad=True) for _ in range(2))
    xp = a.__array_namespace__()
    outs = [call(xp, a, b, axis) for axis in (last, -1)]
    weights = torch.randn(outs[0].shape)
    grads = [
        torch.autograd.grad((out * weights).sum(), (a, b), materialize_grads=True) for out in outs
    ]
    assert torch.equal(*outs)
    assert all(torch.equal(x, y) for x, y in zip(*grads))
