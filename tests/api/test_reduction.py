"""Reductions as users call them: forms of arguments, dtypes, ties, empty tensors, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch

NAN, INF = math.nan, math.inf


def matrix() -> torch.Tensor:
    return torch.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 5.0]], requires_grad=True)


def gradient(f, data):
    x = torch.tensor(data, requires_grad=True)
    f(x).sum().backward()
    return x.grad.tolist()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x.sum(), 20.0),
        (lambda x: x.sum(0), [5.0, 7.0, 8.0]),
        (lambda x: x.sum(-1), [9.0, 11.0]),
        (lambda x: x.sum((0, 1)), 20.0),
        (lambda x: x.sum([0]), [5.0, 7.0, 8.0]),
        (lambda x: x.sum(()), 20.0),
        (lambda x: x.sum(1, True), [[9.0], [11.0]]),
        (lambda x: x.sum(axis=1, keepdims=True), [[9.0], [11.0]]),
        (lambda x: x.sum(torch.tensor(0)), [5.0, 7.0, 8.0]),
        (lambda x: torch.mean(x, dim=1), [3.0, 11 / 3]),
        (lambda x: x.prod(), 600.0),
        (lambda x: x.prod(0), [4.0, 10.0, 15.0]),
        (lambda x: x.amax(), 5.0),
        (lambda x: x.amin(1), [1.0, 2.0]),
        (lambda x: x.max(dim=1).values, [5.0, 5.0]),
        (lambda x: x.min(0).indices, [0, 1, 0]),
        (lambda x: x.argmax(), 1),
        (lambda x: x.argmax(keepdim=True), [[1]]),
        (lambda x: x.argmin(1), [0, 1]),
        (lambda x: x.median(), 3.0),
        (lambda x: x.count_nonzero(dim=0), [2, 2, 2]),
        (lambda x: (x > 2).all(0), [False, False, True]),
        (lambda x: (x > 2).any(1, keepdim=True), [[True], [True]]),
        (lambda x: x.norm(1, 0), [5.0, 7.0, 8.0]),
        (lambda x: x.norm(INF), 5.0),
        (lambda x: x.norm(0), 6.0),
        (lambda x: torch.norm(x, p="fro", dim=(0, 1)), math.sqrt(80)),
        (lambda x: x.var(0, correction=0), [2.25, 2.25, 1.0]),
        (lambda x: x.std(unbiased=False), math.sqrt(20 / 9)),
        (lambda x: x.std(0, False, True), [[1.5, 1.5, 1.0]]),
    ],
)
def test_argument_forms(call, expected) -> None:
    found = call(matrix()).detach()
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda t: t.to(torch.uint8).sum(), torch.int64),
        (lambda t: (t > 1).sum(), torch.int64),
        (lambda t: t.int().prod(0), torch.int64),
        (lambda t: t.sum(dtype=torch.int8), torch.int8),
        (lambda t: t.cumsum(0, dtype=torch.float32), torch.float32),
        (lambda t: t.mean(dtype=torch.float64), torch.float64),
        (lambda t: t.half().mean(), torch.float16),
        (lambda t: t.bfloat16().sum(0), torch.bfloat16),
        (lambda t: t.to(torch.uint8).all(), torch.uint8),
        (lambda t: t.all(), torch.bool),
        (lambda t: t.logsumexp(0), torch.float32),
        (lambda t: t.cfloat().norm(), torch.float32),
        (lambda t: t.cfloat().var(), torch.float32),
    ],
)
def test_dtypes(call, dtype) -> None:
    assert call(torch.tensor([[1, 2], [3, 4]])).dtype is dtype


def test_half_precision_is_summed_in_single() -> None:
    ones = torch.ones(4096, dtype=torch.bfloat16)
    assert ones.sum().item() == 4096.0  # summed in bfloat16 it would stop at 256


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.sum(2), IndexError, r"expected to be in range of \[-2, 1\], but got 2"),
        (lambda x: x.sum((0, -2)), RuntimeError, "dim 0 appears multiple times"),
        (lambda x: x.sum("a"), TypeError, "argument 'dim' must be tuple of ints, not str"),
        (lambda x: x.sum(True), TypeError, "not bool"),
        (lambda x: x.sum(0, 1), TypeError, "'keepdim' must be bool, not int"),
        (lambda x: x.argmax((0, 1)), TypeError, "must be int, not tuple"),
        (lambda x: x.prod((0, 1)), TypeError, "must be int, not tuple"),
        (lambda x: x.long().mean(), RuntimeError, r"Got: Long; convert with .float\(\)"),
        (lambda x: x.long().std(), RuntimeError, "only support floating point"),
        (lambda x: x.long().norm(), RuntimeError, "floating point or complex tensor"),
        (lambda x: x.norm("abc"), RuntimeError, "Order abc not supported"),
        (lambda x: x.var(0, True, correction=1), TypeError, "not both"),
        (lambda x: x[:0].max(), RuntimeError, "Specify the reduction dim"),
        (lambda x: x[:0].max(0), IndexError, "reduction dim 0 to have non-zero size"),
        (lambda x: x[:0].argmin(), IndexError, "Specify the reduction dim"),
        (lambda x: x[:0].norm(INF), RuntimeError, "does not have an identity"),
        (lambda x: (x > 1).argmax(), RuntimeError, "does not support bool"),
        (lambda x: x.cfloat().max(), NotImplementedError, "no order"),
        (lambda x: torch.sum([1, 2]), TypeError, "must be Tensor, not list"),
        (lambda x: x.softmax(), TypeError, "dim"),
        (lambda x: x.long().softmax(0), NotImplementedError, "not implemented for 'Long'"),
        (lambda x: x.diff(n=-1), RuntimeError, "non-negative"),
        (lambda x: x[0, 0].diff(), RuntimeError, "at least one-dimensional"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text) -> None:
    x = torch.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 5.0]])
    with pytest.raises(error, match=text):
        call(x)


def test_of_nothing() -> None:
    e = torch.zeros(0, 3)
    assert e.sum().item() == 0 and e.prod().item() == 1 and e.norm().item() == 0
    assert math.isnan(e.mean().item()) and math.isnan(e.median().item())
    assert e.max(1).values.shape == (0,) and e.sum(1).shape == (0,)
    assert torch.zeros(2, 0).logsumexp(1).tolist() == [-INF, -INF]
    assert math.isnan(torch.zeros(1).std().item())


def test_zero_dimensional_tensors_have_one_dim() -> None:
    z = torch.tensor(3.0)
    assert z.sum(0).item() == z.mean(-1).item() == z.cumsum(0).item() == 3.0
    assert repr(z.max(0)) == "torch.return_types.max(\nvalues=tensor(3.),\nindices=tensor(0))"
    assert z.softmax(0).item() == 1.0 and z.logsumexp(0).item() == 3.0
    with pytest.raises(IndexError, match=r"\[-1, 0\], but got 1"):
        z.sum(1)


def test_equal_extremes_share_the_gradient_unless_an_index_is_returned() -> None:
    data = [[1.0, 5.0], [5.0, 0.0]]
    assert gradient(lambda x: x.max(), data) == [[0, 0.5], [0.5, 0]]
    assert gradient(lambda x: x.amax(), data) == [[0, 0.5], [0.5, 0]]
    row = [[2.0, 2.0, 1.0]]
    assert gradient(lambda x: x.amax(1), row) == [[0.5, 0.5, 0]]
    assert gradient(lambda x: x.max(1).values, row) == [[1, 0, 0]]
    assert gradient(lambda x: x.median(), [1.0, 2.0, 2.0]) == [0, 0.5, 0.5]
    assert gradient(lambda x: x.aminmax().max, row) == [[0.5, 0.5, 0]]
    assert gradient(lambda x: x.norm(INF), [3.0, -3.0]) == [0.5, -0.5]


def test_nan_wins_and_takes_the_gradient() -> None:
    data = [1.0, NAN, 3.0]
    x = torch.tensor(data)
    assert math.isnan(x.max().item()) and x.max(0).indices.item() == 1
    assert math.isnan(x.median().item()) and x.nanmedian().item() == 1.0
    assert gradient(lambda x: x.max(), data) == [0, 1, 0]
    assert gradient(lambda x: x.nansum(), data) == [1, 0, 1]
    assert x.nanmean().item() == 2.0


@pytest.mark.parametrize(
    ("data", "expected"),
    [([2.0, 3.0, 4.0], [12, 8, 6]), ([2.0, 0.0, 4.0], [0, 8, 0]), ([0.0, 3.0, 0.0], [0, 0, 0])],
)
def test_prod_at_zeros(data, expected) -> None:
    assert gradient(lambda x: x.prod(), data) == expected
    assert gradient(lambda x: x.prod(0), data) == expected


def test_second_derivative_of_prod_with_a_zero() -> None:
    x = torch.tensor([2.0, 0.0, 4.0], requires_grad=True)
    (g,) = torch.autograd.grad(x.prod(), x, create_graph=True)
    (h,) = torch.autograd.grad(g[0], x)
    assert h.tolist() == [0, 4, 0]


def test_cumprod_at_zeros() -> None:
    assert gradient(lambda x: x.cumprod(0), [2.0, 0.0, 3.0]) == [1, 8, 0]


def test_norms_are_flat_at_zero() -> None:
    for p in (0, 1, 1.5, 2, 3):
        assert gradient(lambda x, p=p: x.norm(p), [0.0, 0.0]) == [0, 0]
    assert gradient(lambda x: x.std(), [2.0, 2.0]) == [0, 0]


def test_named_tuples() -> None:
    found = matrix().detach().max(1)
    assert repr(found) == (
        "torch.return_types.max(\nvalues=tensor([5., 5.]),\nindices=tensor([1, 2]))"
    )
    values, indices = found
    assert isinstance(found, tuple) and found.values is values and found[1] is indices
    assert type(found) is torch.return_types.max
    low, high = torch.aminmax(torch.tensor([3, 1, 2]))
    assert (low.item(), high.item()) == (1, 3)


def test_max_of_two_tensors() -> None:
    a, b = torch.tensor([1.0, 4.0]), torch.tensor([3.0, 2.0])
    assert torch.max(a, b).tolist() == a.max(b).tolist() == [3, 4]
    assert torch.min(a, other=b).tolist() == [1, 2]


def test_out() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    out = torch.empty(2)
    assert torch.sum(x, 0, out=out) is out and out.tolist() == [4, 6]
    values, indices = torch.empty(2), torch.empty(2, dtype=torch.int64)
    torch.max(x, 0, out=(values, indices))
    assert values.tolist() == [3, 4] and indices.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.sum(x, 0, out=torch.empty(2, dtype=torch.int64))


def test_softmax_of_large_and_infinite_numbers() -> None:
    x = torch.tensor([1000.0, 1000.0, -INF], requires_grad=True)
    assert x.softmax(0).tolist() == [0.5, 0.5, 0.0]
    assert x.log_softmax(0).tolist() == pytest.approx([-math.log(2), -math.log(2), -INF])
    assert x.logsumexp(0).item() == pytest.approx(1000 + math.log(2))
    x.softmax(0)[0].backward()
    assert x.grad.tolist() == [0.25, -0.25, 0.0]


def test_softmax_in_blocks_is_the_same() -> None:
    x = torch.randn(300, 200, generator=torch.Generator().manual_seed(0))
    whole, transposed = x.softmax(1), x.t().contiguous().t().softmax(1)
    assert torch.max(torch.abs(whole - transposed)).item() < 1e-7
    assert x.softmax(1, dtype=torch.float64).dtype is torch.float64


def test_cumulative_functions() -> None:
    x = torch.tensor([1.0, 3.0, 2.0, 3.0])
    assert x.cumsum(0).tolist() == [1, 4, 6, 9] and x.cumprod(-1).tolist() == [1, 3, 6, 18]
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 3] and x.cummin(0).values.tolist() == [1] * 4
    assert x.diff().tolist() == [2, -1, 1] and x.diff(n=2).tolist() == [-3, 2]
    assert x.diff(prepend=torch.zeros(1)).tolist() == [1, 2, -1, 1]
    assert torch.tensor([True, False]).diff().tolist() == [True]
    assert torch.trapezoid(x, dx=2.0).item() == 14.0
    y = x.clone()
    assert y.cumsum_(0) is y and y.tolist() == [1, 4, 6, 9]


def test_logcumsumexp_starts_at_minus_infinity() -> None:
    x = torch.tensor([-INF, 0.0, 0.0], requires_grad=True)
    out = x.logcumsumexp(0)
    assert out.tolist() == pytest.approx([-INF, 0, math.log(2)])
    out[1:].sum().backward()
    assert x.grad.tolist() == pytest.approx([0, 1.5, 0.5])


def test_std_and_mean_together() -> None:
    x = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    std, mean = torch.std_mean(x)
    assert type(std.grad_fn).__name__ == "StdMeanBackward0"
    assert (std.item(), mean.item()) == pytest.approx((x.std().item(), x.mean().item()))
    (joint,) = torch.autograd.grad(std + 2 * mean, x)
    (apart,) = torch.autograd.grad(x.std() + 2 * x.mean(), x)
    assert joint.tolist() == pytest.approx(apart.tolist())


def test_node_names_are_torchs() -> None:
    x = matrix()
    names = [
        type(y.grad_fn).__name__
        for y in (x.sum(), x.sum(0), x.mean(), x.max(), x.max(0).values, x.norm(), x.var())
    ]
    assert names == [
        "SumBackward0",
        "SumBackward1",
        "MeanBackward0",
        "MaxBackward1",
        "MaxBackward0",
        "LinalgVectorNormBackward0",
        "VarBackward0",
    ]


def test_nothing_is_kept_that_the_derivative_does_not_need() -> None:
    x = matrix()
    assert not x.sum(0).grad_fn.saved
    node = x.max(0).values.grad_fn
    assert [t.dtype for t in node.saved] == [torch.int64]
    assert len(x.softmax(1).grad_fn.saved) == 1


def test_statistics() -> None:
    x = torch.tensor([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]])
    assert torch.cov(x).tolist() == [
        pytest.approx([7 / 3, -1.5]),
        pytest.approx([-1.5, 1.0]),
    ]
    assert torch.corrcoef(x)[0, 1].item() == pytest.approx(-1.5 / math.sqrt(7 / 3))
    assert torch.vander(torch.tensor([1, 2, 3])).tolist() == [[1, 1, 1], [4, 2, 1], [9, 3, 1]]
    with pytest.raises(RuntimeError, match="one-dimensional"):
        torch.vander(x)


def test_renorm_and_dist() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert x.renorm(2, 0, 1.0).tolist() == [pytest.approx([0.6, 0.8]), [0.0, 1.0]]
    assert torch.dist(x, torch.zeros(2, 2), 1).item() == 8.0


def test_gradient_of_samples() -> None:
    y = torch.tensor([1.0, 2.0, 4.0, 8.0], requires_grad=True)
    at = torch.tensor([0.0, 1.0, 3.0, 4.0])
    (slope,) = torch.gradient(y)
    assert slope.tolist() == [1, 1.5, 3, 4]
    assert torch.gradient(y, edge_order=2)[0].tolist() == [0.5, 1.5, 3, 5]
    np.testing.assert_allclose(torch.gradient(y.detach(), spacing=[at])[0], [1, 1, 3, 4])
    slope[0].backward()
    assert y.grad.tolist() == [-1, 1, 0, 0]
    assert len(torch.gradient(torch.ones(2, 3))) == 2
    with pytest.raises(RuntimeError, match="too short"):
        torch.gradient(y[:1])


def test_sum_to_size() -> None:
    x = torch.ones(2, 3)
    assert x.sum_to_size(3).tolist() == [2, 2, 2] and x.sum_to_size(2, 1).tolist() == [[3], [3]]
    assert x.sum_to_size(2, 3) is x
    with pytest.raises(RuntimeError, match="not expandable"):
        x.sum_to_size(2)


def test_nuclear_norm() -> None:
    x = torch.tensor([[3.0, 0.0], [0.0, -2.0]], requires_grad=True)
    norm = x.norm(p="nuc")
    norm.backward()
    assert norm.item() == pytest.approx(5.0)
    np.testing.assert_allclose(x.grad, [[1, 0], [0, -1]], atol=1e-6)
    assert torch.ones(2, 3, 3).norm("nuc", dim=(1, 2), keepdim=True).shape == (2, 1, 1)
    with pytest.raises(RuntimeError, match="for matrices"):
        torch.ones(3).norm("nuc")
