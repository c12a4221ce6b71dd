"""Patterns never miss a nonzero and are exact for stencils; values agree with dense derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.samples import OPERATIONS
from tests.pages import examples, printed

import adjoint as torch
from adjoint.autograd import functional
from adjoint.func import sparse
from adjoint.func.sparse import SparseHessian, SparseJacobian, sparse_hessian, sparse_jacobian
from adjoint.func.sparsity import hessian_sparsity, jacobian_sparsity, pattern_of
from adjoint.nn import functional as F
from adjoint.ops.operation import REGISTRY, Linear
from adjoint.ops.sparsity_kinds import KINDS, NAMED, sparsity_kind
from adjoint.testing.sampling import arrays, moving, outputs, tensors


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Values in (0.5, 1.5), float64."""
    return torch.tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape))


def dense_jacobian(f: Any, x: Any) -> Any:
    return functional.jacobian(f, x).numpy().reshape(-1, x.numel())


# The kind of every operation.

BUILT_IN = {
    name: REGISTRY[name]
    for name in OPERATIONS
    if REGISTRY[name].forward.__module__.startswith("adjoint.ops.")
}


def test_every_operation_has_a_kind() -> None:
    assert {sparsity_kind(operation) for operation in BUILT_IN.values()} == set(KINDS)
    assert set(NAMED) <= set(BUILT_IN)
    for name, operation in BUILT_IN.items():
        assert (sparsity_kind(operation) == "none") == (not operation.vjps), name


def test_few_operations_are_dense() -> None:
    dense = {name for name, operation in BUILT_IN.items() if sparsity_kind(operation) == "dense"}
    assert dense == {
        "dot",
        "index_extreme",
        "index_prod",
        "masked_scatter",
        "scatter_extreme",
        "scatter_prod",
    }


def local_jacobian(out: Any, x: Any) -> Any:
    """Sizes of the entries: backward passes for each element of the output."""
    rows = []
    for i in range(out.numel()):
        row = 0
        for part in (1, 1j) if out.is_complex() else (1,):
            ct = np.zeros(out.shape, out._data.dtype)
            ct.reshape(-1)[i] = part
            (found,) = torch.autograd.grad(
                out, x, torch.tensor(ct), retain_graph=True, materialize_grads=True
            )
            row = row + np.abs(found._data.reshape(-1))
        rows.append(row)
    return np.array(rows).reshape(out.numel(), x.numel())


def shuffled(operation: Any, sample: Any) -> list[Any]:
    """The sample's inputs with their elements in another order: same domain, other branches."""
    values = arrays(sample)
    rng = np.random.default_rng(0)
    return [
        rng.permutation(v.reshape(-1)).reshape(v.shape) if i in moving(operation, values) else v
        for i, v in enumerate(values)
    ]


# Elements of matrices cannot change places: these have to be positive definite, or regular.
POINTWISE = ("elementwise", "lines", "window", "product")


@pytest.mark.parametrize("name", BUILT_IN)
def test_local_pattern_covers_the_jacobian(name: str) -> None:
    """At the sample, and at another point with the pattern of the sample."""
    operation = BUILT_IN[name]
    kind = sparsity_kind(operation)
    for sample in operation.samples():
        patterns: dict[tuple[int, int], Any] = {}
        points = [arrays(sample)]
        if kind in POINTWISE:
            points.append(shuffled(operation, sample))
        for values in points:
            inputs = tensors(operation, values)
            places = moving(operation, values)
            if not places:
                continue
            outs = outputs(operation, operation(*inputs, **sample.params))
            for o, out in enumerate(outs):
                for i in places:
                    matrix = local_jacobian(out, inputs[i])
                    pattern = patterns.setdefault((o, i), pattern_of(out, inputs[i]).toarray())
                    assert pattern.shape == matrix.shape
                    missed = np.argwhere((matrix != 0) & ~pattern)
                    assert missed.size == 0, (sample.params, o, i, missed[:3])
                    if kind == "movement":
                        assert (pattern == (matrix != 0)).all(), (sample.params, o, i)


# Patterns of programs.


def heat(u: Any) -> Any:
    padded = F.pad(u, (1, 1))
    return padded[2:] - 2 * padded[1:-1] + padded[:-2] + u.exp()


def in_place(u: Any) -> Any:
    out = u * 1.0
    out[1:-1] = u[2:] * u[:-2]
    out[0] += u[-1]
    return out


def brusselator(z: Any) -> Any:
    u, v = z.reshape(2, -1)
    around = [w.roll(1) - 2 * w + w.roll(-1) for w in (u, v)]
    return torch.cat([1 + u * u * v - 4 * u + around[0], 3 * u - u * u * v + around[1]])


def five_point(u: Any) -> Any:
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).double()
    grid = u.reshape(1, 1, 4, -1)
    return F.conv2d(grid, kernel[None, None], padding=1) + grid**3


EXACT: list[Callable[[Any], Any]] = [
    torch.sin,
    lambda x: x,
    lambda x: x[::2] * x[1::2],
    lambda x: x.flip(0) * x,
    lambda x: x.reshape(3, 4).t().reshape(-1) + x.exp(),
    lambda x: x.reshape(3, 4).sum(1) * 2,
    lambda x: x.reshape(3, 4).mean(0, keepdim=True).expand(2, 4),
    lambda x: torch.stack([x[i] * x[i + 1] for i in range(11)]),
    lambda x: x[torch.tensor([0, 0, 7])] + x[torch.tensor([1, 2, 3])],
    lambda x: x.unfold(0, 3, 2).prod(1),
    lambda x: F.pad(x[None, None], (2, 2), mode="circular")[0, 0, 4:].cos(),
    lambda x: F.pad(x[None, None], (2, 2), mode="reflect").reshape(-1),
    lambda x: F.avg_pool1d(x[None, None], 3, 2),
    lambda x: F.conv1d(x.reshape(1, 2, 6), torch.ones(2, 1, 2).double(), groups=2, stride=2),
    lambda x: F.conv_transpose1d(x.reshape(1, 1, 12), torch.ones(1, 1, 3).double(), stride=2),
    lambda x: torch.zeros(12).double().scatter_add(0, torch.arange(12) // 2, x),
    lambda x: x.reshape(3, 4) @ torch.ones(4, 2).double(),
    lambda x: F.linear(x.reshape(3, 4), torch.ones(2, 4).double()),
    lambda x: torch.softmax(x.reshape(2, 6), 1),
    lambda x: x.reshape(3, 4).norm(dim=0),
    lambda x: F.layer_norm(x.reshape(3, 4), (4,)),
    lambda x: torch.linalg.inv(x.reshape(3, 2, 2)),
    lambda x: x.diff().abs(),
    lambda x: torch.complex(x[:6], x[6:]).abs(),
    lambda x: torch.zeros(3),
    lambda x: x.detach() * 2,
    lambda x: x[:0],
    heat,
    in_place,
    brusselator,
]


@pytest.mark.parametrize("number", range(len(EXACT)))
def test_pattern_is_exact(number: int) -> None:
    f = EXACT[number]
    x = draw(12)
    pattern = jacobian_sparsity(f, x)
    assert pattern.dtype == bool and pattern.has_canonical_format
    assert (pattern.toarray() == (dense_jacobian(f, x) != 0)).all()


def test_pattern_of_a_convolution_takes_all_of_its_kernel() -> None:
    """A zero of the kernel is a value: at another kernel it would be another."""
    pattern = jacobian_sparsity(five_point, draw(16)).toarray()
    assert not ((dense_jacobian(five_point, draw(16)) != 0) & ~pattern).any()
    assert pattern[0].sum() == 4 and pattern[5].sum() == 9


DIFFERENCES = torch.tensor(np.eye(12) - np.eye(12, k=1))
GROUPED = torch.tensor(np.random.default_rng(0).integers(0, 2, (4, 1, 3)).astype(float))

FIXED: list[Callable[[Any], Any]] = [
    lambda x: DIFFERENCES @ x + x**2,
    lambda x: x @ DIFFERENCES,
    lambda x: DIFFERENCES[:3, :4] @ x.reshape(4, 3),
    lambda x: DIFFERENCES[:2, :2] @ x.reshape(3, 2, 2),
    lambda x: x.reshape(3, 2, 2) @ DIFFERENCES[:2, :3],
    lambda x: x.reshape(3, 4) @ DIFFERENCES[:4, 2:5],
    lambda x: F.linear(x.reshape(3, 4), DIFFERENCES[:5, :4], draw(5)),
    lambda x: torch.addmm(draw(2), DIFFERENCES[:3, :6], x.reshape(6, 2)),
    lambda x: F.conv1d(x.reshape(1, 2, 6), GROUPED, groups=2, padding=1, stride=2),
    lambda x: F.conv1d(x.reshape(2, 1, 6), GROUPED, draw(4), dilation=2),
    lambda x: F.conv_transpose1d(x.reshape(1, 4, 3), GROUPED.reshape(4, 1, 3), stride=2, groups=2),
    lambda x: five_point(x),
]


@pytest.mark.parametrize("number", range(len(FIXED)))
def test_zeros_of_fixed_factors(number: int) -> None:
    """On request they are zeros of the pattern, which is then exact; else they are not."""
    f = FIXED[number]
    x = draw(12)
    dense = dense_jacobian(f, x) != 0
    assert (jacobian_sparsity(f, x, fixed_factors=True).toarray() == dense).all()
    cautious = jacobian_sparsity(f, x).toarray()
    assert not (dense & ~cautious).any() and cautious.sum() > dense.sum()
    found = sparse_jacobian(f, x, fixed_factors=True).toarray()
    np.testing.assert_allclose(found, dense_jacobian(f, x), rtol=1e-12)


def test_zeros_of_a_factor_that_learns_are_no_zeros_of_the_pattern() -> None:
    weight = torch.zeros(12, 12).double().requires_grad_()
    assert jacobian_sparsity(lambda x: weight @ x, draw(12), fixed_factors=True).nnz == 144
    loss = SparseHessian(lambda x: ((DIFFERENCES @ x) ** 2).sum(), draw(12), fixed_factors=True)
    assert loss.passes == 3 and loss.pattern.nnz == 34


class _Masked:
    """A user's operation, linear with a mask that may depend on x."""

    def forward(xp: Any, x: Any, mask: Any) -> Any:
        return x * mask

    def transpose_x(xp: Any, ct: Any, mask: Any) -> Any:
        return ct * mask


class _Reversed:
    """A user's operation that moves elements."""

    def forward(xp: Any, x: Any) -> Any:
        return xp.flip(x, axis=0)

    def transpose_x(xp: Any, ct: Any) -> Any:
        return xp.flip(ct, axis=0)


def test_operations_of_the_users_own() -> None:
    """Unknown operations are probed where that is safe, and dense where it is not."""
    own = [Linear(c.__name__, c, None, {"samples": list}) for c in (_Masked, _Reversed)]
    mask = torch.tensor([True, False, True])
    assert jacobian_sparsity(lambda x: own[0](x, mask), draw(3)).toarray().all()
    assert (jacobian_sparsity(own[1], draw(3)).toarray() == np.eye(3)[::-1]).all()
    assert sparsity_kind(own[1]) == "movement"


def test_pattern_holds_at_other_points() -> None:
    """Which element is the largest changes from point to point; the pattern has all of them."""

    def f(x: Any) -> Any:
        grid = x.reshape(2, 6)
        return torch.cat([grid.max(1).values, grid.sort(1).values[:, 0], F.relu(x - 1)])

    pattern = jacobian_sparsity(f, draw(12)).toarray()
    for seed in range(1, 6):
        assert not ((dense_jacobian(f, draw(12, seed=seed)) != 0) & ~pattern).any()
    assert pattern[0].sum() == 6 and pattern[4:].sum() == 12


def test_custom_functions_are_dense() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, ct: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * ct

    assert jacobian_sparsity(Square.apply, draw(3)).toarray().all()


STEPS: list[Callable[[Any], Any]] = [
    torch.tanh,
    lambda x: x * x.roll(1),
    lambda x: F.pad(x, (1, 2))[3:] + 0.1,
    lambda x: torch.cat([x[1:], x[:1] * x[-1]]),
    lambda x: torch.softmax(x.reshape(-1, 1, 3), 2).reshape(-1),
    lambda x: x.reshape(3, -1).cumsum(1).reshape(-1),
    lambda x: x.reshape(-1, 3).max(1, keepdim=True).values.expand(-1, 3).reshape(-1),
    lambda x: x.reshape(-1, 3).sort(1).values.reshape(-1),
    lambda x: (x.reshape(3, -1) @ torch.eye(x.numel() // 3).double()).reshape(-1),
    lambda x: F.max_pool1d(x[None, None], 3, 1, 1)[0, 0],
    lambda x: x - x.reshape(3, -1).mean(1).repeat_interleave(x.numel() // 3),
    lambda x: F.relu(x - 0.7) + 0.1 * x,
    lambda x: x.index_put((torch.tensor([0, 2]),), x[3:5] ** 2),
    lambda x: F.layer_norm(x.reshape(-1, 3), (3,)).reshape(-1),
]


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5), st.integers(0, 10**6))
def test_pattern_never_misses_a_nonzero(program: list[int], seed: int) -> None:
    """Random programs, first and second order, the pattern of one point at another."""

    def f(x: Any) -> Any:
        for step in program:
            x = STEPS[step](x)
        return x

    point, other = draw(9, seed=seed), draw(9, seed=seed + 1)
    jacobian = jacobian_sparsity(f, point).toarray()
    assert not ((dense_jacobian(f, other) != 0) & ~jacobian).any()

    def loss(x: Any) -> Any:
        return (f(x) ** 2).sum()

    hessian = hessian_sparsity(loss, point).toarray()
    assert (hessian == hessian.T).all()
    assert not ((functional.hessian(loss, other).numpy() != 0) & ~hessian).any()


def test_hessian_pattern_is_exact() -> None:
    def rosenbrock(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    for f in (rosenbrock, lambda x: (x**3).sum(), lambda x: x[0] * x[5] + x.sum()):
        x = draw(8)
        dense = functional.hessian(f, x).numpy()
        assert (hessian_sparsity(f, x).toarray() == (dense != 0)).all()
        np.testing.assert_allclose(sparse_hessian(f, x).toarray(), dense, rtol=1e-12)


# Values.


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("f", [heat, in_place, brusselator, five_point, lambda x: x.detach()])
def test_jacobian_is_the_dense_one(f: Any, mode: str) -> None:
    jacobian = SparseJacobian(f, draw(16), mode=mode)
    for seed in (1, 2):
        x = draw(16, seed=seed)
        y, found = jacobian.value_and_jacobian(x)
        assert isinstance(found, scipy.sparse.csr_array) and found.dtype == np.float64
        np.testing.assert_allclose(found.toarray(), dense_jacobian(f, x), rtol=1e-12)
        np.testing.assert_array_equal(y.numpy(), f(x).numpy())
        assert not y.requires_grad
        jacobian.check(x)


def count_passes(monkeypatch: Any) -> list[int]:
    """A list that grows with every backward pass that `sparse` runs."""
    passes: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        passes.append(1)
        return torch.autograd.grad(*args, **kwargs)

    monkeypatch.setattr(sparse, "grad", counted)
    return passes


def test_a_band_takes_as_many_passes_as_colours(monkeypatch: Any) -> None:
    """1,000 x 1,000 with five diagonals: five passes, and one to turn reverse into forward mode."""

    def f(x: Any) -> Any:
        padded = F.pad(x, (2, 2))
        return sum(padded[k : k + len(x)] ** 2 for k in range(5))

    passes = count_passes(monkeypatch)
    x = draw(1000)
    for mode, extra in (("reverse", 0), ("forward", 1)):
        jacobian = SparseJacobian(f, x, mode=mode)
        assert jacobian.passes == 5 and not passes
        found = jacobian(x)
        assert len(passes) == 5 + extra
        passes.clear()
        assert found.nnz == 4994
        expected = [2 * x.numpy()[max(k, 0) : 1000 + min(k, 0)] for k in range(-2, 3)]
        for k, values in zip(range(-2, 3), expected, strict=True):
            np.testing.assert_allclose(found.diagonal(k), values)


def test_the_cheaper_mode_is_chosen() -> None:
    row = SparseJacobian(lambda x: x * x[0], draw(50))
    assert (row.mode, row.passes) == ("forward", 2)
    column = SparseJacobian(lambda x: torch.cat([x, x.sum().reshape(1)]), draw(50))
    assert (column.mode, column.passes) == ("reverse", 2)


def test_a_hundred_thousand_variables() -> None:
    jacobian = SparseJacobian(torch.sin, draw(100_000))
    assert jacobian.passes == 1
    x = draw(100_000, seed=1)
    np.testing.assert_allclose(jacobian(x).diagonal(), np.cos(x.numpy()))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (heat(x) ** 2).sum(),
        lambda x: (x[0] * x).sum() + (x**3).sum(),
        lambda x: (x[1:] * x[:-1]).sum(),
        lambda x: F.max_pool1d(x[None, None] ** 2, 4).sum() ** 2,
        lambda x: x.sum(),
        lambda x: x.detach().sum(),
    ],
)
def test_hessian_is_the_dense_one(f: Any) -> None:
    hessian = SparseHessian(f, draw(16))
    x = draw(16, seed=1)
    g, found = hessian.gradient_and_hessian(x)
    np.testing.assert_allclose(found.toarray(), functional.hessian(f, x).numpy(), rtol=1e-9)
    np.testing.assert_allclose(g.numpy(), dense_jacobian(f, x)[0])
    hessian.check(x)


def test_an_arrow_takes_two_passes(monkeypatch: Any) -> None:
    passes = count_passes(monkeypatch)
    hessian = SparseHessian(lambda x: (x[0] * x).sum() + (x**3).sum(), draw(300))
    assert hessian.passes == 2
    hessian(draw(300))
    assert len(passes) == 2


def test_pattern_of_the_users_own() -> None:
    pattern = scipy.sparse.eye_array(16) + scipy.sparse.eye_array(16, k=1)
    jacobian = sparse_jacobian(lambda x: x - F.pad(x[1:] ** 2, (0, 1)), pattern=pattern)
    assert jacobian.passes is None
    assert jacobian(draw(16)).nnz == 31 and jacobian.passes == 2


def test_low_precision_gives_float32() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        found = sparse_jacobian(lambda x: x * x, torch.ones(3, dtype=dtype))
        assert found.dtype == np.float32 and found.diagonal().tolist() == [2, 2, 2]


def test_check_finds_what_the_pattern_leaves_out() -> None:
    def branch(x: Any) -> Any:
        return x if x[0] > 0 else x * x[0]

    jacobian = SparseJacobian(branch, torch.ones(3))
    jacobian.check(torch.ones(3))
    with pytest.raises(RuntimeError, match="pattern does not hold"):
        jacobian.check(-torch.ones(3))
    hessian = SparseHessian(lambda x: branch(x).sum(), torch.ones(3))
    with pytest.raises(RuntimeError, match="pattern does not hold"):
        hessian.check(-torch.ones(3))


def test_nothing_is_accumulated_and_no_history_left() -> None:
    x = draw(8).requires_grad_()
    weight = draw(8).requires_grad_()
    sparse_jacobian(lambda x: weight * x.roll(1), x)
    sparse_hessian(lambda x: (weight * x**2).sum(), x)
    assert x.grad is None and weight.grad is None
    with torch.no_grad():
        assert sparse_jacobian(lambda x: x.roll(1), x).nnz == 8


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sparse_jacobian(torch.sin, torch.arange(3)), TypeError, "real floating Tensor"),
        (lambda: sparse_jacobian(torch.sin, (draw(2),)), TypeError, "torch.cat"),
        (lambda: sparse_jacobian(lambda x: (x, x), draw(2)), TypeError, "got tuple"),
        (lambda: sparse_jacobian(lambda x: x + 1j, draw(2)), TypeError, "complex128"),
        (lambda: sparse_jacobian(torch.sin, draw(2), mode="both"), ValueError, "'both'"),
        (lambda: sparse_jacobian(torch.sin, draw(2), pattern=np.eye(3)), ValueError, r"\(3, 3\)"),
        (lambda: SparseJacobian(torch.sin, draw(2))(draw(3)), ValueError, "another size"),
        (lambda: sparse_hessian(torch.sin, draw(2)), RuntimeError, "single output element"),
        (
            lambda: sparse_hessian(lambda x: x.sum(), draw(2), pattern=np.eye(2, k=1)),
            ValueError,
            "symmetric",
        ),
    ],
)
def test_errors(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# The page.

PAGE = "sparse-derivatives.md"


@pytest.mark.parametrize(("code", "shown"), examples(PAGE))
def test_the_page_prints_what_it_shows(code: str, shown: str) -> None:
    assert printed(code, PAGE) == shown
