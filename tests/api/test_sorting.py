"""Sorting, ranks, quantiles, distinct values and counts as users call them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch

NAN = math.nan


def test_sort_is_stable_both_ways_and_puts_nan_last() -> None:
    x = torch.tensor([2.0, NAN, 1.0, 2.0])
    up, down = x.sort(), x.sort(descending=True)
    assert up.indices.tolist() == [2, 0, 3, 1]
    assert down.indices.tolist() == [1, 0, 3, 2]
    assert torch.argsort(x, descending=True).tolist() == [1, 0, 3, 2]
    assert math.isnan(up.values[-1].item()) and math.isnan(down.values[0].item())


def test_sort_along_a_dim_and_its_gradient() -> None:
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]], requires_grad=True)
    values = x.sort(dim=0).values
    (values * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert values.tolist() == [[2, 1], [3, 4]]
    assert x.grad.tolist() == [[3, 2], [1, 4]]
    assert torch.msort(x).tolist() == [[2, 1], [3, 4]]
    assert type(values.grad_fn).__name__ == "SortBackward0"


@pytest.mark.parametrize("n", [5, 100])
@pytest.mark.parametrize("largest", [True, False])
def test_topk_agrees_with_sort(n: int, largest: bool) -> None:
    x = torch.rand(3, n, generator=torch.Generator().manual_seed(n))
    found, expected = x.topk(3, largest=largest), x.sort(descending=largest)
    assert torch.equal(found.values, expected.values[:, :3])
    assert torch.equal(found.indices, expected.indices[:, :3])


def test_topk_of_equal_elements_takes_the_first() -> None:
    x = torch.zeros(100)
    assert x.topk(3).indices.tolist() == [0, 1, 2]


def test_ranks() -> None:
    x = torch.tensor([[5.0, 1.0, 4.0, 1.0]])
    assert x.kthvalue(2).values.tolist() == [1] and x.kthvalue(3, dim=1).indices.tolist() == [2]
    assert x.median(1).values.tolist() == [1] and x.median(1, keepdim=True).values.shape == (1, 1)
    assert x.mode().values.tolist() == [1] and x.mode().indices.tolist() == [3]
    assert torch.tensor([3, 1, 3, 2, 2]).mode().values.item() == 2
    assert torch.tensor([1.0, NAN, 3.0, NAN, 2.0]).nanmedian(0).indices.item() == 4
    assert torch.tensor([1.0, NAN, 3.0]).median(0).indices.item() == 1
    assert torch.tensor([1.0, NAN, NAN]).kthvalue(2).indices.item() == 1


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.topk(5), RuntimeError, "k=5 for dimension 1"),
        (lambda x: x.kthvalue(0), RuntimeError, "k out of range"),
        (lambda x: x.sort(2), IndexError, "Dimension out of range"),
        (lambda x: x.sort(True), TypeError, "not bool"),
        (lambda x: x.cfloat().sort(), NotImplementedError, "no order"),
        (lambda x: x[:, :0].median(1), IndexError, "non-zero size"),
        (lambda x: x.quantile(1.5), RuntimeError, r"range \[0, 1\] but got 1.5"),
        (lambda x: x.long().quantile(0.5), RuntimeError, "float or double"),
        (lambda x: x.quantile(torch.tensor([[0.5]])), RuntimeError, "scalar or 1D"),
        (lambda x: x.quantile(0.5, interpolation="cubic"), RuntimeError, "but got cubic"),
        (lambda x: x.quantile(torch.tensor(0.5).double()), RuntimeError, "same dtype"),
        (lambda x: x.bincount(), NotImplementedError, "convert with .long"),
        (lambda x: torch.tensor([-1]).bincount(), RuntimeError, "non-negative"),
        (lambda x: x.histc(4, 3, 1), RuntimeError, "max must be larger"),
        (lambda x: torch.searchsorted(x, 3.0), RuntimeError, "can be a scalar only when"),
        (lambda x: torch.searchsorted(x[0], x, side="up"), RuntimeError, "'left' or 'right'"),
        (lambda x: torch.bucketize(x, x), RuntimeError, r"1 dimension, but got dim\(2\)"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [("linear", 1.2), ("lower", 1.0), ("higher", 2.0), ("midpoint", 1.5), ("nearest", 1.0)],
)
def test_quantile_interpolations(interpolation: str, expected: float) -> None:
    x = torch.tensor([3.0, 1.0, 0.0, 2.0])
    assert x.quantile(0.4, interpolation=interpolation).item() == pytest.approx(expected)


def test_quantile_shapes_nan_and_gradient() -> None:
    x = torch.tensor([[0.0, 2.0], [1.0, NAN]], requires_grad=True)
    q = torch.tensor([0.25, 0.75])
    assert x.quantile(q, dim=1).shape == (2, 2) and x.quantile(q, keepdim=True).shape == (2, 1, 1)
    assert x.quantile(0.5, dim=0, keepdim=True).shape == (1, 2)
    assert math.isnan(x.quantile(0.5).item()) and x.nanquantile(0.5).item() == 1.0
    x.nanquantile(0.25).backward()
    assert x.grad.tolist() == [[0.5, 0], [0.5, 0]]


def test_unique() -> None:
    x = torch.tensor([[3, 1], [3, 1], [2, 5]])
    assert x.unique().tolist() == [1, 2, 3, 5]
    values, inverse, counts = torch.unique(x, dim=0, return_inverse=True, return_counts=True)
    assert values.tolist() == [[2, 5], [3, 1]]
    assert inverse.tolist() == [1, 1, 0] and counts.tolist() == [1, 2]
    assert torch.unique(x, return_inverse=True)[1].shape == x.shape
    assert len(torch.tensor([NAN, NAN]).unique()) == 2


def test_unique_consecutive() -> None:
    x = torch.tensor([1, 1, 2, 2, 1])
    values, inverse, counts = x.unique_consecutive(return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 1]
    assert inverse.tolist() == [0, 0, 1, 1, 2] and counts.tolist() == [2, 2, 1]
    assert torch.tensor([[1, 2], [1, 2], [0, 2]]).unique_consecutive(dim=0).shape == (2, 2)


def test_counts() -> None:
    x = torch.tensor([3, 1, 2, 1, 3])
    assert x.bincount().tolist() == [0, 2, 1, 2] and x.bincount(minlength=5).shape == (5,)
    weighted = x.bincount(torch.tensor([0.5, 1, 1, 1, 1]))
    assert weighted.tolist() == [0, 2, 1, 1.5] and weighted.dtype is torch.float32
    f = torch.tensor([1.0, 2.0, 1.0, 0.0, 5.0, 2.0])
    assert f.histc(4).tolist() == [3, 2, 0, 1] and f.histc(4, 0, 4).tolist() == [1, 2, 2, 0]
    hist, edges = torch.histogram(f, 3)
    assert hist.tolist() == [3, 2, 1]
    np.testing.assert_allclose(edges.numpy(), [0, 5 / 3, 10 / 3, 5], rtol=1e-6)


def test_searchsorted() -> None:
    edges = torch.tensor([1, 3, 5])
    assert torch.searchsorted(edges, 3).item() == 1
    assert torch.searchsorted(edges, torch.tensor([3]), right=True).tolist() == [2]
    rows = torch.searchsorted(torch.tensor([[1, 3], [2, 4]]), torch.tensor([[2], [3]]))
    assert rows.tolist() == [[1], [1]]
    assert torch.bucketize(torch.tensor([0, 9]), edges, out_int32=True).dtype is torch.int32
    shuffled = torch.tensor([5, 3, 1])
    order = shuffled.argsort()
    assert torch.searchsorted(shuffled, torch.tensor([3]), sorter=order).tolist() == [1]


def test_membership_and_coordinates() -> None:
    x = torch.tensor([1, 2, 3])
    assert torch.isin(x, torch.tensor([2])).tolist() == [False, True, False]
    assert torch.isin(x, 2, invert=True).tolist() == [True, False, True]
    rows, columns = torch.unravel_index(torch.tensor([4, -1]), (2, 3))
    assert rows.tolist() == [1, 1] and columns.tolist() == [1, 2]
    with pytest.raises(ValueError, match="out of range"):
        torch.unravel_index(torch.tensor([6]), (2, 3))
