"""Floor 3: norms and condition numbers of matrices, as in torch.linalg."""

from __future__ import annotations

import math
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops.svd import svd
from .dims import canonical_dims
from .factorizations import check_matrix, inv, svdvals
from .norm import vector_norm
from .products import expect_tensor
from .promotion import to_common


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of the matrices in two dims.

    ord: "fro", "nuc" (sum of singular values), 2, -2 (the largest, the smallest), 1, -1 (largest,
    smallest column sum of |a|), inf, -inf (row sums).

    >>> torch.linalg.matrix_norm(torch.tensor([[3.0, 0.0], [4.0, 0.0]]))
    tensor(5.)
    """
    check_matrix(A, "linalg.matrix_norm")
    if dtype is not None:
        A = A.to(dtype)
    dims = canonical_dims(dim, A._data.ndim, "linalg.matrix_norm")
    if dims is None or len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple, but got {dim}")
    if ord == "fro":
        return vector_norm(A, 2, dims, keepdim)
    if ord in ("nuc", 2, -2):
        return _by_singular_values(A, ord, dims, keepdim)
    if not isinstance(ord, (int, float)) or abs(ord) not in (1, math.inf):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported; use 'fro', 'nuc', 1, 2, inf or their "
            "negatives"
        )
    summed, rest = dims if abs(ord) == 1 else (dims[1], dims[0])
    sums = vector_norm(A, 1, summed, keepdim)
    if not keepdim and rest > summed:
        rest -= 1
    return sums.amax(rest, keepdim) if ord > 0 else sums.amin(rest, keepdim)


def _by_singular_values(A: Tensor, ord: Any, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    s = svd(A.movedim(dims, (-2, -1)))[1]
    if ord == "nuc":
        result = s.sum(-1)
    else:
        result = s.amax(-1) if ord == 2 else s.amin(-1)
    if keepdim:
        for d in sorted(dims):
            result = result.unsqueeze(d)
    return result


def norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The vector or matrix norm, as `ord` and `dim` ask for.

    Without both, the 2-norm of all elements. One dim, or a number for a vector: `vector_norm`.
    Two dims, or an ord for a matrix: `matrix_norm`.

    >>> torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), ord="nuc")
    tensor(7.)
    """
    expect_tensor(A, "linalg.norm", "A", 1)
    ndim = A._data.ndim
    count = None if dim is None else len(dim) if isinstance(dim, (tuple, list)) else 1
    if isinstance(ord, str) or (ord is not None and (count or ndim) == 2):
        if count is None:
            if ndim != 2:
                raise RuntimeError(
                    "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                    f"Got {ndim}D."
                )
            dim = (0, 1)
        return matrix_norm(A, ord, dim, keepdim, dtype=dtype)
    if ord is not None and count is None and ndim > 2:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{ndim}D."
        )
    if ord is not None and count is not None and count > 2:
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
        )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number |A| |A⁻¹| in the norm `p`; by default by singular values.

    >>> torch.linalg.cond(torch.tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    check_matrix(A, "linalg.cond", square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        s = svdvals(A)
        ratio = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        return ratio
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of conj(x) y along `dim`, with broadcasting.

    >>> torch.linalg.vecdot(torch.ones(2, 3), torch.ones(3))
    tensor([3., 3.])
    """
    x, y = to_common(x, y, "linalg.vecdot")
    if x.dtype is dtypes.bool_:
        raise NotImplementedError("\"vecdot\" not implemented for 'Bool'; convert with .long()")
    return ((x.conj() if x.dtype.is_complex else x) * y).sum(dim)
