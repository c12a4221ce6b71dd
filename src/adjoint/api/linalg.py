"""Floor 3: linear algebra on top of products: cross, cdist, matrix powers and chains."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays.dtypes import NP_BOOL
from ..autograd.tensor import Tensor, wrap
from ..ops import products as ops
from .dims import canonical_dim
from .products import expect_tensor, matmul, mm
from .promotion import to_common
from .registration import FUNCTIONS, public, write_out


@public()
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along `dim`, of size 3 (by default the first such dim).

    >>> torch.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    expect_tensor(input, "cross", "input", 1)
    expect_tensor(other, "cross", "other", 2)
    if dim is None:
        if 3 not in input._data.shape:
            raise RuntimeError(
                f"no dimension of size 3 in input: cross got shape {list(input._data.shape)}"
            )
        warnings.warn(
            "Using torch.cross without specifying the dim arg is deprecated. Please either pass "
            "the dim explicitly or simply use torch.linalg.cross. The default value of dim will "
            "change to agree with that of linalg.cross in a future release.",
            UserWarning,
            stacklevel=2,
        )
        dim = input._data.shape.index(3)
    return linalg_cross(input, other, dim=dim)


def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along `dim`, which has size 3; other dims are broadcast.

    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    expect_tensor(input, "linalg.cross", "input", 1)
    expect_tensor(other, "linalg.cross", "other", 2)
    a, b = input._data.shape, other._data.shape
    if len(a) != len(b):
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions, but got shapes "
            f"{list(a)} and {list(b)}"
        )
    axis = canonical_dim(dim, len(a), "cross")
    if not a or a[axis] != 3 or b[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got shapes {list(a)} and "
            f"{list(b)}"
        )
    input, other = to_common(input, other, "cross")
    if input._data.dtype == NP_BOOL:
        raise NotImplementedError("\"cross\" not implemented for 'Bool'; convert with .long()")
    result: Tensor = ops.cross(input, other, axis=axis - len(a))
    return result


@public(method=False)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norm distance of every pair of rows: (..., n, d), (..., m, d) -> (..., n, m).

    The gradient at distance 0 is 0.

    >>> torch.cdist(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[5., 0.]])
    """
    for i, x in enumerate((x1, x2), start=1):
        expect_tensor(x, "cdist", f"x{i}", i)
        if x._data.dtype.kind not in "fV":
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, X{i} got: {x.dtype.short}"
            )
        if x._data.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, X{i} got: {x._data.ndim}D"
            )
    a, b = x1._data.shape, x2._data.shape
    if a[-1] != b[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {a[-1]} X2: {b[-1]}"
        )
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, but got p={p}")
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)


@public()
def matrix_power(input: Tensor, n: int) -> Tensor:
    """The matrix (..., k, k) multiplied n times by itself; its inverse for negative n.

    >>> torch.matrix_power(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    expect_tensor(input, "matrix_power", "input", 1)
    shape = input._data.shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise RuntimeError(
            "linalg.matrix_power: A must be batches of square matrices, but they are "
            f"{' by '.join(map(str, shape[-2:]))} matrices"
        )
    if n == 0:
        eye = wrap(np.eye(shape[-1], dtype=input._data.dtype))
        return input.masked_fill(wrap(np.array(True)), 0) + eye  # with a gradient, of zeros
    if n < 0:
        return matrix_power(FUNCTIONS["inverse"](input), -n)
    result: Tensor | None = None
    square = input
    while n:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if n:
            square = matmul(square, square)
    assert result is not None
    return result.clone() if result is input else result


def chain_matmul(*matrices: Any, out: Tensor | None = None) -> Tensor:
    """The product of matrices, in the order that needs the fewest multiplications.

    >>> torch.chain_matmul(torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 1))
    tensor([[12.],
            [12.]])
    """
    given = matrices[0] if len(matrices) == 1 and not isinstance(matrices[0], Tensor) else matrices
    for t in given:
        expect_tensor(t, "chain_matmul", "matrices", 1)
        if t._data.ndim != 2:
            raise RuntimeError(
                f"Tensor dimension is {t._data.ndim}, expected 2 instead: chain_matmul multiplies "
                "matrices; linalg.multi_dot takes a vector at either end"
            )
    result = given[0] if len(given) == 1 else _chain(list(given))
    return result if out is None else write_out(result, out, "chain_matmul")


FUNCTIONS["chain_matmul"] = chain_matmul


def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of two or more matrices in the cheapest order; vectors allowed at the ends.

    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 1), torch.ones(1)])
    tensor([3., 3.])
    """
    given = list(tensors)
    if len(given) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(given)}")
    last = len(given) - 1
    for i, t in enumerate(given):
        allowed = (1, 2) if i in (0, last) else (2,)
        if t._data.ndim not in allowed:
            where = "the first and last tensors" if i in (0, last) else f"tensor {i}"
            raise RuntimeError(
                f"multi_dot(): {where} must be {'1D or ' if 1 in allowed else ''}2D but got "
                f"{t._data.ndim}D"
            )
    first_vector, last_vector = given[0]._data.ndim == 1, given[-1]._data.ndim == 1
    if first_vector:
        given[0] = given[0].unsqueeze(0)
    if last_vector:
        given[-1] = given[-1].unsqueeze(1)
    result = _chain(given)
    if last_vector:
        result = result.squeeze(1)
    if first_vector:
        result = result.squeeze(0)
    return result if out is None else write_out(result, out, "multi_dot")


def _chain(matrices: list[Tensor]) -> Tensor:
    for a, b in pairwise(matrices):
        if a._data.shape[1] != b._data.shape[0]:
            return mm(a, b)  # which complains
    sizes = (matrices[0]._data.shape[0], *[m._data.shape[1] for m in matrices])
    cuts = _cheapest(sizes)

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return matrices[i]
        cut = cuts[i, j]
        return mm(product(i, cut), product(cut + 1, j))

    return product(0, len(matrices) - 1)


@lru_cache(maxsize=128)
def _cheapest(sizes: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Where to cut each chain i..j (Cormen et al., Introduction to Algorithms, 15.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], cuts[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return cuts
